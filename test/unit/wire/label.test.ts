/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Labels in front of packets and streams (wire protocol, section 3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForeignLabelError, Label } from '../../../src/wire/label.js';
import { INCOMPLETE } from '../../../src/wire/msgpack-scan.js';
import { WireError } from '../../../src/wire/wire-error.js';

function label(text: string, skipInboundCheck = false): Label {
  return new Label({ label: text, skipInboundCheck });
}

function start(ours: Label, content: Buffer | string): number {
  const buf = typeof content === 'string' ? Buffer.from(content, 'hex') : content;
  return ours.contentStart(buf, buf.length);
}

function isRefused(ours: Label, content: Buffer | string, words = /./): void {
  assert.throws(
    () => start(ours, content),
    (error) =>
      error instanceof WireError && error.fault === 'bad-label' && words.test(error.message),
  );
}

const prod = label('prod');
const labelled = Buffer.from('f40470726f64' + '08ff', 'hex');

test('the header is f4, the length and the label; without a label there is none', () => {
  assert.equal(prod.header.toString('hex'), 'f40470726f64');
  assert.equal(prod.bytes.toString(), 'prod');
  assert.equal(label('').header.length, 0);
  assert.equal(label('').bytes.length, 0);
  assert.equal(label('nœud').header.toString('hex'), 'f4056ec5937564');
});

test('our own label is stripped, in a packet and in a stream', () => {
  assert.equal(start(prod, labelled), 6);
  assert.equal(start(prod, 'f40470726f64'), 6);
});

test('another label, a longer or shorter one, and none at all are refused', () => {
  for (const other of ['prof', 'pro', 'prod2', 'PROD', 'x']) {
    isRefused(prod, Buffer.concat([label(other).header, Buffer.of(8)]), new RegExp(`"${other}"`));
  }
  isRefused(prod, '08ff', /no label/);
});

test('a label is refused if we have none', () => {
  isRefused(label(''), labelled, /"prod"/);
  assert.equal(start(label(''), '08ff'), 0);
});

test('an empty label is refused whatever ours is', () => {
  for (const ours of [prod, label(''), label('', true), label('prod', true)]) {
    isRefused(ours, 'f400', /empty/);
    isRefused(ours, 'f40008', /empty/);
  }
});

test('with skipInboundLabelCheck unlabelled data is accepted and labelled data refused', () => {
  for (const ours of [label('prod', true), label('', true)]) {
    assert.equal(start(ours, '08ff'), 0);
    isRefused(ours, labelled, /stripped/);
  }
  assert.equal(label('prod', true).header.toString('hex'), 'f40470726f64');
});

test('an empty or incomplete header needs more bytes', () => {
  for (let length = 0; length < 6; length++) {
    assert.equal(prod.contentStart(labelled, length), INCOMPLETE);
    assert.equal(prod.contentStart(labelled.subarray(0, length), length), INCOMPLETE);
  }
});

test('a label may have 255 bytes, counted in UTF-8, and no more', () => {
  const longest = label('x'.repeat(255));
  assert.equal(longest.header.length, 257);
  assert.equal(longest.header[1], 255);
  assert.equal(start(longest, Buffer.concat([longest.header, Buffer.of(8)])), 257);
  assert.throws(() => label('x'.repeat(256)), RangeError);
  assert.throws(() => label('é'.repeat(128)), RangeError);
});

test('labels are compared as bytes', () => {
  const decomposed = label('e\u0301');
  isRefused(decomposed, label('\u00e9').header);
  isRefused(label('\ufffd'), 'f401ff');
});

test('a foreign label is reported with ours; an invalid label is not foreign', () => {
  const told = (ours: Label, content: string): unknown => {
    try {
      return start(ours, content);
    } catch (error) {
      return error instanceof ForeignLabelError ? [error.theirs, error.ours] : 'not foreign';
    }
  };
  assert.deepEqual(told(prod, 'f40474657374'), ['test', 'prod']);
  assert.deepEqual(told(prod, '08ff'), ['', 'prod']);
  assert.deepEqual(told(label(''), 'f40474657374'), ['test', '']);
  assert.deepEqual(told(prod, 'f402ff0a'), ['\ufffd\n', 'prod']);
  assert.equal(told(prod, 'f400'), 'not foreign');
  assert.equal(told(label('prod', true), 'f40474657374'), 'not foreign');
  assert.equal(told(prod, 'f40470726f64'), 6);
});
