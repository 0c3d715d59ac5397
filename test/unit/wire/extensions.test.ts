/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  announces,
  encodeTrailer,
  extensionsIn,
  trailerStart,
  withTrailer,
} from '../../../src/wire/extension-trailer.js';
import {
  decodeEnvelope,
  encodeEnvelope,
  envelopeBytes,
  isEnvelope,
} from '../../../src/wire/extension-envelope.js';

const bus = ['bus', 1] as const;
const ring = ['ring-2', 255] as const;

test('a trailer can be read back behind any metadata', () => {
  const trailer = encodeTrailer([bus, ring]);
  assert.equal(trailer.toString('hex'), '036275730106' + '72696e672d32' + 'ff' + '0d' + 'c1fdc1');
  for (const meta of [null, Buffer.alloc(0), Buffer.from('role=web'), Buffer.alloc(400, 0xc1)]) {
    const whole = withTrailer(meta, trailer) ?? Buffer.alloc(0);
    assert.equal(trailerStart(whole, 0, whole.length), meta?.length ?? 0);
    assert.deepEqual({ ...extensionsIn(whole) }, { bus: 1, 'ring-2': 255 });
    assert.ok(announces(whole, 0, whole.length, 'bus'));
    assert.ok(announces(whole, 0, whole.length, 'ring-2'));
    for (const name of ['ring', 'bu', 'buss', '']) {
      assert.ok(!announces(whole, 0, whole.length, name), name);
    }
  }
});

test('metadata without a trailer stays unchanged, also if it is empty or missing', () => {
  const none = encodeTrailer([]);
  assert.equal(none.length, 0);
  for (const meta of [null, Buffer.alloc(0), Buffer.from('text'), Buffer.from('c1fdc1', 'hex')]) {
    assert.equal(withTrailer(meta, none), meta);
  }
  assert.deepEqual(Object.keys(extensionsIn(Buffer.from('text'))), []);
});

test('metadata that ends like a trailer gets an empty one, so that it is kept completely', () => {
  const looks = encodeTrailer([bus]);
  const whole = withTrailer(looks, encodeTrailer([])) ?? Buffer.alloc(0);
  assert.equal(trailerStart(whole, 0, whole.length), looks.length);
  assert.deepEqual(Object.keys(extensionsIn(whole)), []);
  assert.ok(!announces(whole, 0, whole.length, 'bus'));
});

test('metadata that only resembles a trailer is metadata', () => {
  const wrong = [
    'c1fdc1', // nothing before the mark
    '01c1fdc1', // an entry of one byte that is not there
    '0000' + '02c1fdc1', // an empty name
    '0342555301' + '05c1fdc1', // upper case
    '0362757301' + '04c1fdc1', // the length is short by one
    '0462757301' + '05c1fdc1', // the name runs past the entries
    '11' + '61'.repeat(17) + '01' + '13c1fdc1', // a name of 17
    '0362757301' + '06c1fdc1', // more entries than there are bytes
  ];
  for (const hex of wrong) {
    const meta = Buffer.from(hex, 'hex');
    assert.equal(trailerStart(meta, 0, meta.length), meta.length, hex);
    assert.deepEqual(Object.keys(extensionsIn(meta)), [], hex);
    assert.ok(!announces(meta, 0, meta.length, 'bus'), hex);
  }
});

test('no bytes make the readers of trailers and envelopes throw or loop', () => {
  let state = 1;
  const next = (): number => (state = (state * 48_271) % 0x7fffffff);
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(Array.from({ length: next() % 40 }, () => next() % 5));
    const trailer = Buffer.concat([bytes, Buffer.of(next() % 40, 0xc1, 0xfd, 0xc1)]);
    extensionsIn(trailer);
    announces(trailer, 0, trailer.length, 'a');
    decodeEnvelope(Buffer.concat([Buffer.of(0xc1, 0xfd), bytes]));
  }
});

test('a trailer with the name of a prototype property announces just that name', () => {
  const whole = encodeTrailer([['constructor', 7]]);
  assert.equal(extensionsIn(whole).constructor, 7);
  assert.deepEqual(Object.keys(extensionsIn(whole)), ['constructor']);
  assert.ok(!('toString' in extensionsIn(whole)));
});

test('an envelope can be read back', () => {
  for (const sender of [undefined, 'web-1', 'n'.repeat(300), 'ü']) {
    for (const payload of [Buffer.alloc(0), Buffer.from('hello')]) {
      const message = encodeEnvelope('bus', payload, sender);
      assert.ok(isEnvelope(message));
      assert.deepEqual(decodeEnvelope(message), { extension: 'bus', sender, payload });
    }
  }
  assert.equal(encodeEnvelope('bus', Buffer.alloc(5)).length, envelopeBytes('bus') + 5);
});

test('a message that is not an envelope is a user message', () => {
  const wrong = [
    '',
    'c1',
    'c1fd',
    'c1fd03',
    'c1fd0362757',
    'c1fd03425553' + '00',
    'c1fd00' + '00',
    'c1fe0362757300',
  ];
  for (const hex of wrong) {
    const message = Buffer.from(hex, 'hex');
    assert.equal(decodeEnvelope(message), undefined, hex);
    assert.ok(!isEnvelope(message), hex);
  }
  // The sender is cut off, or its length never ends.
  for (const hex of ['c1fd03627573' + '05616263', 'c1fd03627573' + 'ffffffffff']) {
    assert.equal(decodeEnvelope(Buffer.from(hex, 'hex')), undefined, hex);
  }
});
