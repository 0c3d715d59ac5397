/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Node names are bytes that are mostly UTF-8. To hand them to people as strings and still relay the
// very bytes that came, a byte that is not part of valid UTF-8 becomes the lone surrogate U+DC00 plus
// the byte (U+DC80 to U+DCFF), and turns back when written: PEP 383, Python's `surrogateescape`.
// Valid UTF-8 holds no surrogates, so no two names share a string.

import { Buffer } from 'node:buffer';
import { isTextAt } from './ascii.js';
import { hashWith, spread } from './hash.js';

const escapeBase = 0xdc00;
const replacement = '\ufffd';
const loneSurrogate = /\p{Surrogate}/u;

/** Of ASCII texts up to this long, the last that fell on each place is remembered. */
const mostRemembered = 24;
/** Places at first; four times as many when most of what falls on them pushes something else out. */
const fewPlaces = 1024;
const mostPlaces = 16_384;
/** The same few names come in every packet, and a string that is known need not be made or hashed. */
let remembered = new Array<string>(fewPlaces).fill('');
let pushedOut = 0;

/**
 * The bytes `start` to `end` (exclusive) of `buf` as text. Lossless: {@link encodeText} gives the
 * same bytes back, valid UTF-8 or not.
 */
export function decodeText(buf: Buffer, start: number, end: number): string {
  if (end - start > mostRemembered) return decodeAnew(buf, start, end);
  let hash = 0;
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    if (byte >= 0x80) return decodeAnew(buf, start, end);
    hash = hashWith(hash, byte);
  }
  const place = spread(hash) & (remembered.length - 1);
  const known = remembered[place] as string;
  if (isTextAt(known, buf, start, end)) return known;
  const text = buf.toString('latin1', start, end);
  if (known !== '') makeRoom();
  remembered[place & (remembered.length - 1)] = text;
  return text;
}

// A cluster of thousands has more names than a small one has places.
function makeRoom(): void {
  if (++pushedOut < 2 * remembered.length || remembered.length === mostPlaces) return;
  remembered = new Array<string>(4 * remembered.length).fill('');
  pushedOut = 0;
}

function decodeAnew(buf: Buffer, start: number, end: number): string {
  const text = buf.toString('utf8', start, end);
  // Searching a one-byte string, as ASCII gives, for this character ends at once.
  return text.includes(replacement) ? decodeEscaping(buf, start, end) : text;
}

/** Slow but exact: for bytes that are not UTF-8, or that hold a true U+FFFD. */
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

/** The length of the well-formed sequence at `at` (Unicode, table 3-7), or 0 where there is none. */
function sequenceLength(buf: Buffer, at: number, end: number): number {
  const lead = buf[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return 0;
  // The second byte also rules out overlong forms, surrogates, and what is beyond U+10FFFF.
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
 * Writes `text` into `buf` at `offset` and returns the offset after it. The caller has made room for
 * {@link textByteLength} bytes. A lone surrogate that stands for no byte, which
 * {@link decodeText} never gives, is written as U+FFFD.
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
 * Whether `text` holds no lone surrogate, so that its bytes are its plain UTF-8. A name that a user
 * chooses should be; one that a peer sent need not be.
 */
export function isWellFormedText(text: string): boolean {
  return !loneSurrogate.test(text);
}

function isSurrogate(unit: number): boolean {
  return (unit & 0xf800) === 0xd800;
}

/** Whether the surrogate at `i` opens a pair. (Behind the text's end, `charCodeAt` is NaN.) */
function isPairAt(text: string, i: number): boolean {
  return (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
}

function isEscape(unit: number): boolean {
  return unit >= 0xdc80 && unit <= 0xdcff;
}
