/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
// What the attack in memory and the one over sockets have in common.

/** A way of bringing mutants to a cluster. */
export interface Attack extends AsyncDisposable {
  /** Sends so many packets. @throws Found */
  packets(count: number): Promise<void>;
  /** Opens so many streams. @throws Found */
  streams(count: number): Promise<void>;
  /** Lets whatever is still under way come to its end. */
  settle(): Promise<void>;
  /** The longest turn that a piece of a stream took, in milliseconds; 0 where it is not measured. */
  readonly slowestStreamMs: number;
}
