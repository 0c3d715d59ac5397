/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** What the packet and stream layers need of encryption (wire protocol, section 5). */
export interface Cipher {
  /** The most bytes that sealing adds. */
  readonly overheadBytes: number;
  /** Whether what we send is sealed. */
  readonly sealsOutgoing: boolean;
  /** Whether what we receive must be sealed; if not, what no key opens is read as plaintext. */
  readonly requiresSealed: boolean;
  /** Bytes that `plainLength` bytes have once sealed. */
  sealedLength(plainLength: number): number;
  /** The plaintext sealed, behind `front` bytes that are still to be filled in. */
  seal(plain: Buffer, additionalData: Buffer, front?: number): Buffer;
  /** The plaintext; undefined when no installed key opens it. */
  open(sealed: Buffer, additionalData: Buffer): Buffer | undefined;
}
