/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Node names are bytes that are usually UTF-8. To show them as strings and still relay the exact received bytes, a
// byte that is not part of valid UTF-8 becomes the lone surrogate U+DC00 plus the byte (U+DC80 to U+DCFF), and is
// converted back when written: PEP 383, Python's `surrogateescape`. Valid UTF-8 contains no surrogates, so different
// names have different strings.

import { Buffer } from 'node:buffer';
import { isTextAt } from './ascii.js';
import { hashWith, spread } from './hash.js';

const escapeBase = 0xdc00;
const replacement = '\ufffd';
const loneSurrogate = /\p{Surrogate}/u;

/** ASCII texts up to this length are cached; each slot holds the last one with its hash. */
const maxCachedBytes = 24;
/** Initial number of slots; it is quadrupled when most insertions evict another text. */
const initialSlots = 1024;
const maxSlots = 16_384;
/** The same names recur in every packet, and a cached string need not be decoded or hashed. */
let cache = new Array<string>(initialSlots).fill('');
let evictions = 0;

/**
 * Decodes the bytes `start` to `end` (exclusive) of `buf` as text. Lossless: {@link encodeText} returns the same
 * bytes, whether or not they are valid UTF-8.
 */
export function decodeText(buf: Buffer, start: number, end: number): string {
  if (end - start > maxCachedBytes) return decodeUncached(buf, start, end);
  let hash = 0;
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    if (byte >= 0x80) return decodeUncached(buf, start, end);
    hash = hashWith(hash, byte);
  }
  const slot = spread(hash) & (cache.length - 1);
  const known = cache[slot] as string;
  if (isTextAt(known, buf, start, end)) return known;
  const text = buf.toString('latin1', start, end);
  if (known !== '') countEviction();
  cache[slot & (cache.length - 1)] = text;
  return text;
}

// A cluster of thousands of members has more names than the initial cache has slots.
function countEviction(): void {
  if (++evictions < 2 * cache.length || cache.length === maxSlots) return;
  cache = new Array<string>(4 * cache.length).fill('');
  evictions = 0;
}

function decodeUncached(buf: Buffer, start: number, end: number): string {
  const text = buf.toString('utf8', start, end);
  // Searching a one-byte string (ASCII) for this character ends immediately.
  return text.includes(replacement) ? decodeEscaping(buf, start, end) : text;
}

/** Slow but exact: for bytes that are not UTF-8, or that contain an actual U+FFFD. */
function decodeEscaping(buf: Buffer, start: number, end: number): string {
  let text = '';
  let valid = start;
  let at = start;
  while (at < end) {
    const length = sequenceLength(buf, at, end);
    if (length > 0) {
      at += length;
      continue;
    }
    text += buf.toString('utf8', valid, at) + String.fromCharCode(escapeBase | (buf[at] ?? 0));
    at++;
    valid = at;
  }
  return text + buf.toString('utf8', valid, end);
}

/** The length of the well-formed sequence at `at` (Unicode, table 3-7), or 0 if there is none. */
function sequenceLength(buf: Buffer, at: number, end: number): number {
  const lead = buf[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return 0;
  // The second byte also excludes overlong forms, surrogates, and code points beyond U+10FFFF.
  const second = buf[at + 1] ?? 0;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let i = 2; i < length; i++) {
    if (((buf[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

/** How many bytes {@link writeText} writes for `text`. */
export function textByteLength(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else if (!isSurrogate(unit)) length += 2;
    else if (isPairAt(text, i)) {
      length += 2;
      i++;
    } else if (!isEscape(unit)) length += 2;
  }
  return length;
}

/**
 * Writes `text` into `buf` at `offset` and returns the offset after it. The buffer must have room for {@link
 * textByteLength} bytes. A lone surrogate that represents no byte, which {@link decodeText} never returns, is written
 * as U+FFFD.
 */
export function writeText(buf: Buffer, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      buf[offset++] = unit;
    } else if (unit < 0x800) {
      buf[offset++] = 0xc0 | (unit >> 6);
      buf[offset++] = 0x80 | (unit & 0x3f);
    } else if (isSurrogate(unit) && isPairAt(text, i)) {
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff);
      buf[offset++] = 0xf0 | (point >> 18);
      buf[offset++] = 0x80 | ((point >> 12) & 0x3f);
      buf[offset++] = 0x80 | ((point >> 6) & 0x3f);
      buf[offset++] = 0x80 | (point & 0x3f);
    } else if (isEscape(unit)) {
      buf[offset++] = unit & 0xff;
    } else {
      const point = isSurrogate(unit) ? 0xfffd : unit;
      buf[offset++] = 0xe0 | (point >> 12);
      buf[offset++] = 0x80 | ((point >> 6) & 0x3f);
      buf[offset++] = 0x80 | (point & 0x3f);
    }
  }
  return offset;
}

/** The bytes of `text`: the reverse of {@link decodeText}. */
export function encodeText(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(textByteLength(text));
  writeText(bytes, 0, text);
  return bytes;
}

/**
 * Whether `text` contains no lone surrogate, so that its bytes are plain UTF-8. A name that a user chooses should be
 * well-formed; a name from a peer need not be.
 */
export function isWellFormedText(text: string): boolean {
  return !loneSurrogate.test(text);
}

function isSurrogate(unit: number): boolean {
  return (unit & 0xf800) === 0xd800;
}

/** Whether the surrogate at `i` starts a pair. (Beyond the text's end, `charCodeAt` is NaN.) */
function isPairAt(text: string, i: number): boolean {
  return (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
}

function isEscape(unit: number): boolean {
  return unit >= 0xdc80 && unit <= 0xdcff;
}
