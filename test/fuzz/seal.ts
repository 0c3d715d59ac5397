/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encryption like that of a peer, but with a nonce from the seeded random source: the same seed gives the
// same bytes. The padding may be invalid, which no honest peer sends under a valid tag.
import { createCipheriv, type CipherGCMTypes } from 'node:crypto';
import type { Dice } from './dice.js';

const NONCE_BYTES = 12;
const BLOCK_BYTES = 16;
/** Version byte, nonce and tag. */
const FIXED_BYTES = 29;

/** The parameters of a sealed message. */
export interface Sealing {
  readonly keyHex: string;
  /** Version 0 pads to whole blocks. */
  readonly version: 0 | 1;
}

/** The length of sealed bytes. */
export function sealedLength(length: number, { version }: Sealing): number {
  return FIXED_BYTES + length + (version === 0 ? BLOCK_BYTES - (length % BLOCK_BYTES) : 0);
}

/** Seals; with version 0 the padding is invalid one time in eight. */
export function seal(plain: Buffer, additionalData: Buffer, sealing: Sealing, dice: Dice): Buffer {
  const key = Buffer.from(sealing.keyHex, 'hex');
  const nonce = dice.bytes(NONCE_BYTES);
  const cipher = createCipheriv(`aes-${key.length * 8}-gcm` as CipherGCMTypes, key, nonce);
  cipher.setAAD(additionalData);
  const padding = sealedLength(plain.length, sealing) - FIXED_BYTES - plain.length;
  const isWrong = dice.oneIn(8);
  const padded = Buffer.alloc(padding, isWrong ? dice.pick([0, 1, 17, 255]) : padding);
  const sealed = Buffer.concat([cipher.update(plain), cipher.update(padded), cipher.final()]);
  return Buffer.concat([Buffer.of(sealing.version), nonce, sealed, cipher.getAuthTag()]);
}
