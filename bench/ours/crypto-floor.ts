/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The cost of AES-GCM in Node itself: only the calls of node:crypto that a packet needs.

import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type { CryptoFloorTask, Timed } from '../protocol.js';
import { repeat } from './stopwatch.js';

const algorithm = 'aes-128-gcm';
const authTagLength = 16;
const batch = 100;

interface Sealed {
  readonly content: Buffer;
  readonly tag: Buffer;
}

/** Decrypts a packet of `openBytes`, and encrypts another one if requested; both count as one operation. */
export function cryptoFloor({ openBytes, sealBytes, minMs }: CryptoFloorTask): Timed {
  const key = createSecretKey(randomBytes(16));
  const nonce = randomBytes(12);
  const received = seal(key, nonce, randomBytes(openBytes));
  const sent = sealBytes === 0 ? undefined : randomBytes(sealBytes);
  return repeat(minMs, batch, () => {
    for (let i = 0; i < batch; i++) {
      open(key, nonce, received);
      if (sent !== undefined) seal(key, nonce, sent);
    }
  });
}

function seal(key: KeyObject, nonce: Buffer, plain: Buffer): Sealed {
  const cipher = createCipheriv(algorithm, key, nonce);
  const content = cipher.update(plain);
  cipher.final();
  return { content, tag: cipher.getAuthTag() };
}

function open(key: KeyObject, nonce: Buffer, { content, tag }: Sealed): Buffer {
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength });
  decipher.setAuthTag(tag);
  const plain = decipher.update(content);
  decipher.final();
  return plain;
}
