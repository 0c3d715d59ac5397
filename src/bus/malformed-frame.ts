/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** A frame of a peer breaks a rule. It is counted and dropped. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame';
}
