/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import {
  decodeText,
  encodeText,
  isWellFormedText,
  textByteLength,
  writeText,
} from '../../../src/wire/text.js';

function decodeHex(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  return decodeText(bytes, 0, bytes.length);
}

/** Valid UTF-8, its text, and why it is here. */
const valid = [
  ['', '', 'nothing'],
  ['6e6f64652d61', 'node-a', 'ASCII'],
  ['007f', '\u0000\u007f', 'the ends of ASCII'],
  ['6ec59375642dc3a9', 'nœud-é', 'two bytes'],
  ['c280dfbf', '\u0080\u07ff', 'the ends of two bytes'],
  ['e0a080efbfbf', '\u0800\uffff', 'the ends of three bytes'],
  ['ed9fbfee8080', '\ud7ff\ue000', 'the neighbours of the surrogates'],
  ['f0908080f48fbfbf', '\u{10000}\u{10ffff}', 'the ends of four bytes'],
  ['efbfbd', '\ufffd', 'a true replacement character'],
  ['efbbbf61', '\ufeffa', 'a byte order mark, which is kept'],
] as const;

/** Bytes that are not UTF-8, and what Python's surrogateescape makes of them. */
const invalid = [
  ['80', '\udc80', 'a continuation byte alone'],
  ['ff', '\udcff', 'a byte that is never part of UTF-8'],
  ['61ff62', 'a\udcffb', 'a bad byte between good ones'],
  ['c3', '\udcc3', 'a sequence cut short'],
  ['c341', '\udcc3A', 'a sequence broken off'],
  ['e28241', '\udce2\udc82A', 'a sequence broken off after two bytes'],
  ['f09f98', '\udcf0\udc9f\udc98', 'four bytes less one'],
  ['e2c3a9', '\udce2é', 'a good sequence right after a bad lead'],
  ['c080', '\udcc0\udc80', 'an overlong NUL'],
  ['e09fbf', '\udce0\udc9f\udcbf', 'overlong in three bytes'],
  ['f08fbfbf', '\udcf0\udc8f\udcbf\udcbf', 'overlong in four bytes'],
  ['f4908080', '\udcf4\udc90\udc80\udc80', 'beyond U+10FFFF'],
  ['f5808080', '\udcf5\udc80\udc80\udc80', 'a lead that is too high'],
  ['eda080', '\udced\udca0\udc80', 'a high surrogate in UTF-8'],
  ['edb2ff', '\udced\udcb2\udcff', 'half of a low surrogate in UTF-8'],
  ['edb080', '\udced\udcb0\udc80', 'a low surrogate in UTF-8'],
  ['efbfbdff', '\ufffd\udcff', 'a true replacement character beside a bad byte'],
  ['f09f988080', '😀\udc80', 'a pair followed by an escape'],
] as const;

for (const [hex, text, why] of valid) {
  test(`valid UTF-8 is read and written unchanged: ${why}`, () => {
    assert.equal(decodeHex(hex), text);
    assert.equal(encodeText(text).toString('hex'), hex);
    assert.equal(textByteLength(text), hex.length / 2);
    assert.equal(isWellFormedText(text), true);
  });
}

for (const [hex, text, why] of invalid) {
  test(`bytes that are not UTF-8 are escaped and can be written back: ${why}`, () => {
    assert.equal(decodeHex(hex), text);
    assert.equal(encodeText(text).toString('hex'), hex);
    assert.equal(textByteLength(text), hex.length / 2);
    assert.equal(isWellFormedText(text), false);
  });
}

test('only the bytes between start and end are read', () => {
  const bytes = Buffer.from('xxnode-ayy');
  assert.equal(decodeText(bytes, 2, 8), 'node-a');
  assert.equal(decodeText(bytes, 8, 8), '');
  const euro = Buffer.from('a€b');
  assert.equal(decodeText(euro, 0, 3), 'a\udce2\udc82');
  assert.equal(decodeText(euro, 2, 5), '\udc82\udcacb');
});

test('text is written at the offset, and no other byte changes', () => {
  const bytes = Buffer.alloc(12, 0x2e);
  assert.equal(writeText(bytes, 3, 'é\udcff€'), 9);
  assert.equal(bytes.toString('hex'), '2e2e2e' + 'c3a9' + 'ff' + 'e282ac' + '2e2e2e');
});

test('a lone surrogate that represents no byte is written as U+FFFD', () => {
  for (const text of ['\ud800', '\udbff', '\udc00', '\udc7f', '\udd00', '\udfff']) {
    assert.equal(encodeText(text).toString('hex'), 'efbfbd');
    assert.equal(textByteLength(text), 3);
    assert.equal(isWellFormedText(text), false);
  }
  assert.equal(encodeText('\ud83d\ud83d\ude00').toString('hex'), 'efbfbd' + 'f09f9880');
});

test('an escape that would form a pair with a high surrogate is part of the pair', () => {
  assert.equal(encodeText('\ud800\udc80').toString('hex'), 'f0908280');
});
