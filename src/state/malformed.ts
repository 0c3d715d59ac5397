/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** Bytes from a peer that are no message of this extension. It never leaves the extension: the message is dropped. */
export class MalformedState extends Error {
  override readonly name = 'MalformedState';
}
