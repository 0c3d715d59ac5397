/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The hash functions of the ring. They are part of its contract: all nodes of a cluster must compute the same, on every
// platform and in every version, so test/unit/ring/vectors.test.ts pins them. 32-bit integer arithmetic only.
import { createHash } from 'node:crypto';
import { encodeName } from '../index.js';

/** What an application uses as a key: text counts as its UTF-8 bytes. */
export type RingKey = string | Uint8Array;

/** 64 bits, as two integers of 32 bits. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

const fnvPrime = 0x01000193;
const fnvBasis = 0x811c9dc5 | 0;
const golden = 0x9e3779b1 | 0;
/** A lone surrogate has no UTF-8 form and counts as U+FFFD, as in `Buffer.from`. */
const replacement = 0xfffd;

/**
 * Two independent hashes of 32 bits over the same bytes: FNV-1a, and a multiplicative hash with rotation, each with the
 * mixer below as its last step. Not cryptographic: whoever can choose keys can choose their owner.
 */
class KeyHasher {
  #high = fnvBasis;
  #low = golden;

  add(byte: number): void {
    this.#high = Math.imul(this.#high ^ byte, fnvPrime);
    this.#low = Math.imul(((this.#low << 5) | (this.#low >>> 27)) ^ byte, golden);
  }

  /** The hash of everything since the last call. */
  end(length: number): Hash64 {
    const high = mixed(this.#high ^ length);
    const low = mixed(this.#low ^ Math.imul(length, fnvPrime));
    this.#high = fnvBasis;
    this.#low = golden;
    return { high, low };
  }
}

const hasher = new KeyHasher();

/** The hash of a key. */
export function hashOfKey(key: RingKey): Hash64 {
  return typeof key === 'string' ? hashOfText(key) : hashOfBytes(key);
}

function hashOfBytes(bytes: Uint8Array): Hash64 {
  const { length } = bytes;
  for (let i = 0; i < length; i++) hasher.add(bytes[i] as number);
  return hasher.end(length);
}

function hashOfText(text: string): Hash64 {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      hasher.add(code);
      length++;
      continue;
    }
    if (code >= 0xd800 && code < 0xe000) {
      const whole = text.codePointAt(i) as number;
      if (whole > 0xffff) i++;
      code = whole > 0xffff ? whole : replacement;
    }
    length += addEncoded(code);
  }
  return hasher.end(length);
}

/** Adds the UTF-8 bytes of a code point that is not ASCII. Returns their number. */
function addEncoded(code: number): number {
  if (code < 0x800) {
    hasher.add(0xc0 | (code >> 6));
    hasher.add(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    hasher.add(0xe0 | (code >> 12));
    hasher.add(0x80 | ((code >> 6) & 0x3f));
    hasher.add(0x80 | (code & 0x3f));
    return 3;
  }
  hasher.add(0xf0 | (code >> 18));
  hasher.add(0x80 | ((code >> 12) & 0x3f));
  hasher.add(0x80 | ((code >> 6) & 0x3f));
  hasher.add(0x80 | (code & 0x3f));
  return 4;
}

/** The seed of a member: the first 64 bits of the SHA-256 of its name. */
export function seedOf(name: string): Hash64 {
  const digest = createHash('sha256').update(encodeName(name)).digest();
  return { high: digest.readInt32BE(0), low: digest.readInt32BE(4) };
}

/**
 * The score of a member for a key, 0 to 2³² − 1: uniform over keys, and independent of the scores of other members. The
 * loops in table.ts repeat it inline.
 *
 * @param high - the upper half of the member's seed
 * @param low - the lower half
 */
export function scoreOf(high: number, low: number, key: Hash64): number {
  let value = high ^ key.high;
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  value ^= (value >>> 15) ^ low ^ key.low;
  value = Math.imul(value, 0x846ca68b);
  return (value ^ (value >>> 16)) >>> 0;
}

/** A bijection of 32 bits in which each input bit changes about half of the output bits. */
function mixed(input: number): number {
  let value = input;
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  value = Math.imul(value ^ (value >>> 15), 0x846ca68b);
  return value ^ (value >>> 16);
}
