/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Text of peers, where people read it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../src/wire/limits.js';
import {
  isPrintable,
  printable,
  printableJson,
  printableLines,
} from '../../../src/wire/printable.js';
import { isWellFormedText } from '../../../src/wire/text.js';

const HARMFUL = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const ALL_POINTS = Array.from({ length: 0x110000 }, (_, point) => point);

test('plain text is shown unchanged, whatever its script', () => {
  for (const text of ['', 'web-1', 'ünï', '日本語', 'नमस्ते', '🙂', 'a\\b', '100%s', ' ~']) {
    assert.equal(printable(text), text);
    assert.ok(isPrintable(text));
  }
});

test('controls, bidi marks, tags, fillers and lone surrogates are escaped', () => {
  assert.equal(
    printable('a\u001b[31mb\r\nc\u202e\u009b\u2028\u00ad\u200b\u3164\ufe0f\udcff'),
    'a\\u001b[31mb\\u000d\\u000ac\\u202e\\u009b\\u2028\\u00ad\\u200b\\u3164\\ufe0f\\udcff',
  );
  assert.equal(printable('\u{e0041}'), '\\u{e0041}');
  for (const point of ALL_POINTS) {
    const char = String.fromCodePoint(point);
    if (HARMFUL.test(char)) assert.match(printable(char), /^\\u[\x20-\x7e]+$/);
  }
});

test('many combining marks do not cover the neighboring lines', () => {
  assert.equal(printable('e\u0301'), 'e\u0301');
  const heap = printable(`e${'\u0301'.repeat(50)}`);
  assert.equal(heap.replaceAll('\\u0301', '').length, 5);
});

test('a long text is truncated, without splitting escapes and pairs, before the rest is processed', () => {
  const cut = printable('x'.repeat(50_000_000));
  assert.equal(cut, `${'x'.repeat(limits.logLineCharacters)} …`);
  for (let most = 1; most < 40; most++) {
    for (const text of [
      '🙂'.repeat(20),
      '\u001b'.repeat(20),
      '\u{e0041}'.repeat(20),
      'ab'.repeat(20),
    ]) {
      const shown = printable(text, most);
      assert.ok(shown.length <= most + 2, `${shown.length} of ${most}`);
      assert.ok(isWellFormedText(shown));
      assert.match(shown, /^(?:\\u[0-9a-f]{4}|\\u\{[0-9a-f]+\}|[^\\])* …$/u);
    }
  }
});

test('the lines of a text are processed separately', () => {
  assert.equal(printableLines('one\n  two\u001b\nthree'), 'one\n  two\\u001b\nthree');
});

test('JSON is safe for a terminal and exact for a parser', () => {
  const value = { a: 'x\u001b\u009b\u202e\u2028\u{e0041}\u007f\udcff"\\é🙂', n: [1, null, true] };
  const text = printableJson(value);
  assert.doesNotMatch(text, HARMFUL);
  assert.deepEqual(JSON.parse(text), value);
  assert.equal(printableJson(undefined), 'null');
  for (let point = 0; point < 0x3000; point++) {
    const char = String.fromCodePoint(point);
    assert.equal(JSON.parse(printableJson(char)), char);
  }
});

test('texts in JSON are truncated, except for the property that must be exact', () => {
  const long = 'y'.repeat(100_000);
  const { name, bytes } = JSON.parse(
    printableJson({ name: long, bytes: long }, { exact: 'bytes' }),
  ) as {
    name: string;
    bytes: string;
  };
  assert.equal(name.length, limits.jsonTextCharacters + 2);
  assert.equal(bytes, long);
});
