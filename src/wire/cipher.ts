/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** The encryption that the packet and stream layers use (wire protocol, section 5). */
export interface Cipher {
  /** Maximum number of bytes that sealing adds. */
  readonly overheadBytes: number;
  /** Whether outbound messages are sealed. */
  readonly sealsOutgoing: boolean;
  /** Whether inbound messages must be sealed; if not, bytes that no key opens are read as plaintext. */
  readonly requiresSealed: boolean;
  /** The length of `plainLength` bytes after sealing. */
  sealedLength(plainLength: number): number;
  /** The sealed plaintext, behind `front` bytes that the caller fills in later. */
  seal(plain: Buffer, additionalData: Buffer, front?: number): Buffer;
  /** The plaintext; undefined if no installed key opens it. */
  open(sealed: Buffer, additionalData: Buffer): Buffer | undefined;
}
