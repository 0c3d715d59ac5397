/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import msgpack from 'msgpack-lite';
import {
  decodeIntent,
  decodeState,
  decodeUserEvent,
  encodeIntent,
  encodeState,
  encodeUserEvent,
} from '../../../src/serf/messages.js';
import { pack, unpack } from '../../../src/serf/pack.js';
import { decodeSerfTags, encodeSerfTags } from '../../../src/serf/tags.js';
import { MalformedMessage } from '../../../src/serf/malformed-message.js';

test('integers are written as short as they can be, up to 53 bits', () => {
  const integers = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  assert.deepEqual(
    integers.map((value) => pack(value).length),
    [1, 1, 2, 2, 3, 3, 5, 5, 9, 9],
  );
  for (const value of integers) assert.equal(unpack(pack(value)), value);
});

test('texts and bytes are raw in the old form, as Go writes them', () => {
  assert.equal(pack('abc').toString('hex'), 'a3616263');
  assert.equal(pack(Buffer.from('abc')).toString('hex'), 'a3616263');
  assert.equal(pack('x'.repeat(40)).subarray(0, 3).toString('hex'), 'da0028');
  assert.deepEqual(unpack(pack('x'.repeat(70_000))), Buffer.from('x'.repeat(70_000)));
});

test('whatever valid form others choose is read', () => {
  const forms: [string, unknown][] = [
    ['c403010203', Buffer.of(1, 2, 3)],
    ['c50003010203', Buffer.of(1, 2, 3)],
    ['d903616263', Buffer.from('abc')],
    ['db00000003616263', Buffer.from('abc')],
    ['cf0000000000000005', 5],
    ['d3ffffffffffffffff', -1],
    ['d1fffe', -2],
    ['ff', -1],
    ['cb3ff0000000000000', 1],
    ['dd0000000201c0', [1, null]],
    ['dc000101', [1]],
    ['d50102ff', null],
    ['c7030101ff01', null],
  ];
  for (const [hex, value] of forms) assert.deepEqual(unpack(Buffer.from(hex, 'hex')), value, hex);
  const map = unpack(Buffer.from('de0001a16107', 'hex')) as Map<string, unknown>;
  assert.deepEqual([...map], [['a', 7]]);
});

test('what is cut short, too deep or claims too much is refused', () => {
  const whole = encodeState({
    ltime: 300,
    statusLtimes: new Map([['a', 1]]),
    leftMembers: ['a'],
    eventLtime: 2,
    events: [{ ltime: 1, name: 'e', payload: Buffer.from('p') }],
    queryLtime: 3,
  });
  for (let length = 0; length < whole.length; length++) {
    assert.throws(
      () => decodeState(whole.subarray(0, length)),
      MalformedMessage,
      `${length} bytes`,
    );
  }
  for (const hex of ['dfffffffff', 'ddffffffff', 'dbffffffff', 'c1', '9191919191919191919101']) {
    assert.throws(() => unpack(Buffer.from(hex, 'hex')), MalformedMessage, hex);
  }
});

test('intents and events come back as they were', () => {
  const leave = { kind: 'leave', ltime: 70_000, node: 'n\udcff' } as const;
  assert.deepEqual(decodeIntent('leave', encodeIntent(leave)), leave);
  const pruned = { ...leave, prune: true } as const;
  assert.deepEqual(decodeIntent('leave', encodeIntent(pruned)), pruned);
  const join = { kind: 'join', ltime: 1, node: 'a' } as const;
  assert.deepEqual(decodeIntent('join', encodeIntent(join)), join);
  const event = { ltime: 9, name: 'deploy', payload: Buffer.from('v1'), coalesce: true };
  assert.deepEqual(decodeUserEvent(encodeUserEvent(event)), event);
});

test('the names of the fields are those of Go', () => {
  const keys = (message: Buffer): string[] =>
    Object.keys(msgpack.decode(message.subarray(1)) as object);
  assert.deepEqual(keys(encodeIntent({ kind: 'leave', ltime: 1, node: 'a' })), [
    'LTime',
    'Node',
    'Prune',
  ]);
  const event = { ltime: 1, name: 'e', payload: Buffer.alloc(0), coalesce: false };
  assert.deepEqual(keys(encodeUserEvent(event)), ['LTime', 'Name', 'Payload', 'CC']);
});

test('a state comes back, its events by their times, and empty places are passed over', () => {
  const events = [
    { ltime: 4, name: 'a', payload: Buffer.from('1') },
    { ltime: 4, name: 'b', payload: Buffer.alloc(0) },
    { ltime: 5, name: 'a', payload: Buffer.alloc(0) },
  ];
  const state = {
    ltime: 300,
    statusLtimes: new Map([
      ['a', 1],
      ['\udc80', 2],
    ]),
    leftMembers: ['a'],
    eventLtime: 6,
    events,
    queryLtime: 1,
  };
  assert.deepEqual(decodeState(encodeState(state)), state);
  const bare = pack({ LTime: 1, StatusLTimes: null, LeftMembers: null, Events: [null] });
  const decoded = decodeState(Buffer.concat([Buffer.of(2), bare]));
  assert.deepEqual([decoded.ltime, decoded.events, decoded.leftMembers], [1, [], []]);
});

test('a time that nothing could follow, or that is none, is refused', () => {
  for (const time of ['cfffffffffffffffff', 'ff', 'c3', 'cb3fe0000000000000']) {
    const body = Buffer.concat([Buffer.from('82a54c54696d65', 'hex'), Buffer.from(time, 'hex')]);
    const message = Buffer.concat([Buffer.of(1), body, Buffer.from('a44e6f6465a161', 'hex')]);
    assert.throws(() => decodeIntent('join', message), MalformedMessage, time);
  }
});

test('tags are byte 255 and a map of texts; old roles and rubbish are told apart', () => {
  const meta = encodeSerfTags({ role: 'web', dc: 'ü' });
  assert.equal(meta[0], 255);
  assert.deepEqual(msgpack.decode(meta.subarray(1)), { role: 'web', dc: 'ü' });
  assert.deepEqual(decodeSerfTags(meta), { role: 'web', dc: 'ü' });
  assert.deepEqual(decodeSerfTags(Buffer.from('web')), { role: 'web' });
  assert.deepEqual(decodeSerfTags(Buffer.alloc(0)), {});
  assert.equal(decodeSerfTags(Buffer.of(255, 0x81, 0xa1)), undefined);
  assert.equal(decodeSerfTags(Buffer.of(255, 1)), undefined);
  assert.equal(decodeSerfTags(Buffer.concat([Buffer.of(255), pack({ n: 1 })])), undefined);
  assert.throws(() => encodeSerfTags({ n: 1 } as never), /object of texts/);
  assert.throws(() => encodeSerfTags({ big: 'x'.repeat(600) }), /512/);
});
