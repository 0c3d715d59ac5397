/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encryption of packets and streams: AES-GCM with a random nonce (wire protocol, section 5).
import { createCipheriv, createDecipheriv, randomFillSync, type CipherGCMTypes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Cipher } from '../wire/cipher.js';
import type { Keyring } from './keyring.js';

const VERSION_BYTES = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const FIXED_BYTES = VERSION_BYTES + NONCE_BYTES + TAG_BYTES;

/** Version 0 pads to whole blocks (used by protocol version 1); version 1 does not. */
export type EncryptionVersion = 0 | 1;

/** Encrypts with the primary key of a keyring, decrypts with any of its keys. */
export class GossipCipher implements Cipher {
  readonly sealsOutgoing: boolean;
  readonly requiresSealed: boolean;
  readonly #keyring: Keyring;
  readonly #version: EncryptionVersion;

  constructor(init: {
    keyring: Keyring;
    version: EncryptionVersion;
    verifyIncoming: boolean;
    verifyOutgoing: boolean;
  }) {
    this.#keyring = init.keyring;
    this.#version = init.version;
    this.sealsOutgoing = init.verifyOutgoing;
    this.requiresSealed = init.verifyIncoming;
  }

  get overheadBytes(): number {
    return this.#version === 0 ? FIXED_BYTES + BLOCK_BYTES : FIXED_BYTES;
  }

  sealedLength(plainLength: number): number {
    return FIXED_BYTES + plainLength + (this.#version === 0 ? paddingFor(plainLength) : 0);
  }

  seal(plain: Buffer, additionalData: Buffer, front = 0): Buffer {
    const key = this.#keyring.openingKeys()[0] as KeyObject;
    const nonce = nextNonce();
    const cipher = createCipheriv(algorithmOf(key), key, nonce);
    if (additionalData.length > 0) cipher.setAAD(additionalData);
    const sealed = Buffer.allocUnsafe(front + this.sealedLength(plain.length));
    sealed[front] = this.#version;
    sealed.set(nonce, front + VERSION_BYTES);
    const start = front + VERSION_BYTES + NONCE_BYTES;
    sealed.set(cipher.update(plain), start);
    if (this.#version === 0) {
      const padding = paddingFor(plain.length);
      sealed.set(cipher.update(Buffer.alloc(padding, padding)), start + plain.length);
    }
    // GCM is a stream mode: `final` returns no more data.
    cipher.final();
    sealed.set(cipher.getAuthTag(), sealed.length - TAG_BYTES);
    return sealed;
  }

  open(sealed: Buffer, additionalData: Buffer): Buffer | undefined {
    const version = sealed[0];
    if (sealed.length < FIXED_BYTES || version === undefined || version > 1) return undefined;
    if (version === 0 && !isWholeBlocks(sealed.length - FIXED_BYTES)) return undefined;
    for (const key of this.#keyring.openingKeys()) {
      const plain = openWith(key, sealed, additionalData);
      if (plain !== undefined) return version === 0 ? withoutPadding(plain) : plain;
    }
    return undefined;
  }
}

function openWith(key: KeyObject, sealed: Buffer, additionalData: Buffer): Buffer | undefined {
  const content = VERSION_BYTES + NONCE_BYTES;
  const nonce = sealed.subarray(VERSION_BYTES, content);
  const decipher = createDecipheriv(algorithmOf(key), key, nonce, { authTagLength: TAG_BYTES });
  if (additionalData.length > 0) decipher.setAAD(additionalData);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plain = decipher.update(sealed.subarray(content, sealed.length - TAG_BYTES));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined; // encrypted with another key, or forged
  }
}

const algorithms: Readonly<Record<number, CipherGCMTypes>> = {
  16: 'aes-128-gcm',
  24: 'aes-192-gcm',
  32: 'aes-256-gcm',
};

function algorithmOf(key: KeyObject): CipherGCMTypes {
  return algorithms[key.symmetricKeySize ?? 0] as CipherGCMTypes;
}

// Random bytes are drawn for 100 nonces at a time, because the call costs more than the bytes. Each nonce is used once.
const nonces = Buffer.allocUnsafeSlow(100 * NONCE_BYTES);
let nextNonceAt = nonces.length;

/** A view that is valid until the next call. */
function nextNonce(): Buffer {
  if (nextNonceAt === nonces.length) {
    randomFillSync(nonces);
    nextNonceAt = 0;
  }
  const nonce = nonces.subarray(nextNonceAt, nextNonceAt + NONCE_BYTES);
  nextNonceAt += NONCE_BYTES;
  return nonce;
}

function paddingFor(length: number): number {
  return BLOCK_BYTES - (length % BLOCK_BYTES);
}

// The tag does not cover the version byte. An attacker on the path can change 1 to 0, so that bytes that look like
// padding would be removed from a message without padding. A sender of version 0 pads to whole blocks; this check
// detects 15 of 16 such forgeries (docs/SECURITY.md describes the rest).
function isWholeBlocks(length: number): boolean {
  return length > 0 && length % BLOCK_BYTES === 0;
}

// Removes PKCS#7 padding; undefined when the padding is invalid.
function withoutPadding(plain: Buffer): Buffer | undefined {
  const padding = plain[plain.length - 1] ?? 0;
  if (padding === 0 || padding > BLOCK_BYTES || padding > plain.length) return undefined;
  const end = plain.length - padding;
  for (let i = end; i < plain.length; i++) if (plain[i] !== padding) return undefined;
  return plain.subarray(0, end);
}
