/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
// The common interface of the attacks in memory and over sockets.

/** Sends mutants to a cluster. */
export interface Attack extends AsyncDisposable {
  /** Sends this number of packets. @throws Found */
  packets(count: number): Promise<void>;
  /** Opens this number of streams. @throws Found */
  streams(count: number): Promise<void>;
  /** Waits until all pending work has ended. */
  settle(): Promise<void>;
  /** The longest turn caused by a piece of a stream, in milliseconds; 0 where it is not measured. */
  readonly slowestStreamMs: number;
}
