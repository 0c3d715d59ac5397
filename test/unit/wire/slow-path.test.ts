/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The slow path: all that is valid MessagePack but not as Go writes it (wire protocol, section 2).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMessage, encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type { AliveClaim, Message, Ping } from '../../../src/wire/messages.js';
import { schemas } from '../../../src/wire/schemas.js';
import { decodeStructSlowPath } from '../../../src/wire/slow-path.js';
import { encodeText } from '../../../src/wire/text.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

const alive: AliveClaim = {
  type: MessageType.alive,
  incarnation: 3,
  node: 'b',
  addr: Buffer.of(127, 0, 0, 5),
  port: 7946,
  meta: Buffer.of(0, 255),
  vsn: Buffer.of(1, 5, 2, 0, 0, 0),
};

/** The fields of `alive`: key and value as hex, as Go writes them. */
const fields = {
  Addr: 'a47f000005',
  Incarnation: '03',
  Meta: 'a200ff',
  Node: 'a162',
  Port: 'cd1f0a',
  Vsn: 'a6010502000000',
};

function key(name: string): string {
  return Buffer.concat([Buffer.of(0xa0 | name.length), Buffer.from(name)]).toString('hex');
}

/** An alive message of these keys and values, in this order. */
function claim(given: Record<string, string>): Buffer {
  const entries = Object.entries(given);
  const body = entries.map(([name, value]) => key(name) + value).join('');
  return Buffer.from(`04${(0x80 | entries.length).toString(16)}${body}`, 'hex');
}

function throwsFault(run: () => unknown, fault: WireFault): void {
  assert.throws(run, (error) => error instanceof WireError && error.fault === fault);
}

function* permutations<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const [i, item] of items.entries()) {
    for (const rest of permutations(items.filter((_, j) => j !== i))) yield [item, ...rest];
  }
}

test('keys are accepted in any order', () => {
  let orders = 0;
  for (const entries of permutations(Object.entries(fields))) {
    assert.deepEqual(decodeMessage(claim(Object.fromEntries(entries))), alive);
    orders++;
  }
  assert.equal(orders, 720);
});

test('a missing key leaves its field at the zero value', () => {
  const zero = schemas.alive.zero() as unknown as Record<string, unknown>;
  for (const name of Object.keys(fields)) {
    const property = name.charAt(0).toLowerCase() + name.slice(1);
    const without = Object.fromEntries(Object.entries(fields).filter(([each]) => each !== name));
    assert.deepEqual(decodeMessage(claim(without)), { ...alive, [property]: zero[property] });
    const only = claim({ [name]: fields[name as keyof typeof fields] });
    const expected = { ...zero, [property]: alive[property as keyof AliveClaim] };
    assert.deepEqual(decodeMessage(only), expected);
  }
});

test('a message of an old peer without source fields is accepted', () => {
  const old = Buffer.from('0082a55365714e6f07a44e6f6465a162', 'hex');
  const ping = decodeMessage(old) as Ping;
  assert.deepEqual([ping.node, ping.seqNo, ping.sourceNode, ping.sourcePort], ['b', 7, '', 0]);
  assert.equal(ping.sourceAddr.length, 0);
});

test('unknown keys are skipped, whatever their values', () => {
  for (const value of [
    ...['00', 'ff', 'c0', 'c3', 'a0', 'a3616263', 'd903616263', 'c403616263', 'cb3ff8000000000000'],
    ...['ca3fc00000', 'cfffffffffffffffff', 'd3ffffffffffffffff', '93010203', '82a16101a16290'],
    ...['d40161', 'c70301616263', 'c70001', 'd6ff00000000', `d801${'61'.repeat(16)}`],
    ...['818180c0c0', '8192c0c0a161', `${'91'.repeat(20)}00`, 'dc0000', 'de0000', 'c400'],
  ]) {
    for (const at of [0, 3, 6]) {
      const entries = Object.entries(fields);
      entries.splice(at, 0, ['Extra', value]);
      assert.deepEqual(decodeMessage(claim(Object.fromEntries(entries))), alive, value);
    }
  }
});

test('keys that are not strings, and those of JavaScript objects, are unknown keys', () => {
  const body = claim(fields).toString('hex').slice(4);
  for (const unknown of ['0707', 'c0c0', '90a161', '81a16101c0', 'cb3ff800000000000001', 'c301']) {
    assert.deepEqual(decodeMessage(Buffer.from(`0487${unknown}${body}`, 'hex')), alive);
  }
  for (const name of ['__proto__', 'constructor', 'toString', 'type', 'node', 'seqNo', '']) {
    const decoded = decodeMessage(claim({ [name]: '81a161c3', ...fields })) as AliveClaim;
    if (name !== '__proto__') assert.deepEqual(decoded, alive);
    assert.equal(Object.getPrototypeOf(decoded), Object.prototype);
  }
  const proto = Buffer.from(`0487${key('__proto__')}81a161c3${body}`, 'hex');
  assert.deepEqual(decodeMessage(proto), alive);
  assert.equal(({} as Record<string, unknown>).a, undefined);
});

test('a key in another case is an unknown key', () => {
  const decoded = decodeMessage(claim({ node: 'a162', NODE: 'a162' }));
  assert.deepEqual(decoded, schemas.alive.zero());
});

test('keys may be str8, str16, str32 or bin', () => {
  const name = Buffer.from('Node').toString('hex');
  for (const header of ['d904', 'da0004', 'db00000004', 'c404', 'c50004', 'c600000004']) {
    const decoded = decodeMessage(Buffer.from(`0481${header}${name}a162`, 'hex')) as AliveClaim;
    assert.equal(decoded.node, 'b');
  }
});

test('a map may be fixmap, map16 or map32', () => {
  const body = claim(fields).toString('hex').slice(4);
  for (const header of ['86', 'de0006', 'df00000006']) {
    assert.deepEqual(decodeMessage(Buffer.from(`04${header}${body}`, 'hex')), alive);
  }
});

test('texts and bytes are accepted as fixraw, str8, raw16, raw32, bin8, bin16 and bin32', () => {
  for (const header of ['a3', 'd903', 'da0003', 'db00000003', 'c403', 'c50003', 'c600000003']) {
    const value = `${header}61ff63`;
    const decoded = decodeMessage(claim({ ...fields, Meta: value, Node: value, Vsn: value }));
    const [bytes, node] = [Buffer.from('61ff63', 'hex'), 'a\udcffc'];
    assert.deepEqual(decoded, { ...alive, meta: bytes, node, vsn: bytes });
  }
  for (const header of ['a0', 'd900', 'da0000', 'db00000000', 'c400', 'c50000', 'c600000000']) {
    const decoded = decodeMessage(claim({ ...fields, Meta: header, Node: header }));
    assert.deepEqual(decoded, { ...alive, meta: Buffer.alloc(0), node: '' });
  }
});

test('integers are accepted in every form, including wide and signed ones', () => {
  for (const [value, forms] of [
    [0, ['00', 'cc00', 'cd0000', 'ce00000000', 'cf0000000000000000', 'd000', 'd10000']],
    [7, ['07', 'd007', 'd10007', 'd200000007', 'd30000000000000007', 'cf0000000000000007']],
    [127, ['7f', 'cc7f', 'd07f', 'd1007f', 'ce0000007f']],
    [128, ['cc80', 'd10080', 'cd0080', 'd200000080', 'd30000000000000080']],
    [65_535, ['cdffff', 'd20000ffff', 'd3000000000000ffff', 'cf000000000000ffff']],
    [2_147_483_648, ['ce80000000', 'd30000000080000000', 'cf0000000080000000']],
    [4_294_967_295, ['ceffffffff', 'd300000000ffffffff', 'cf00000000ffffffff']],
  ] as const) {
    for (const Incarnation of forms) {
      const decoded = decodeMessage(claim({ ...fields, Incarnation }));
      assert.deepEqual(decoded, { ...alive, incarnation: value }, Incarnation);
    }
  }
});

test('versions may come as an array of integers in any form', () => {
  for (const Vsn of [
    '96010502000000',
    'dc0006010502000000',
    'dd00000006010502000000',
    '96cc01d005cd000200d30000000000000000cf0000000000000000',
  ]) {
    assert.deepEqual(decodeMessage(claim({ ...fields, Vsn })), alive, Vsn);
  }
  assert.equal((decodeMessage(claim({ Vsn: '90' })) as AliveClaim).vsn.length, 0);
});

test('a message received in another form is relayed in the form that Go reads', () => {
  const foreign = claim({
    Vsn: '96010502000000',
    Port: 'd30000000000001f0a',
    Unknown: '81a161c3',
    Node: 'd90162',
    Meta: 'c40200ff',
    Incarnation: 'cc03',
    Addr: 'c500047f000005',
  });
  assert.deepEqual(encodeMessage(decodeMessage(foreign)), claim(fields));
});

test('a name that is not UTF-8 is relayed unchanged from every form', () => {
  for (const header of ['d903', 'c403', 'da0003']) {
    const decoded = decodeMessage(claim({ Node: `${header}61ff80` })) as AliveClaim;
    assert.equal(encodeText(decoded.node).toString('hex'), '61ff80');
  }
});

test('of a key that appears twice the last one counts, as in Go', () => {
  const twice = Buffer.from(`0482${key('Node')}a161${key('Node')}a162`, 'hex');
  assert.equal((decodeMessage(twice) as AliveClaim).node, 'b');
});

test('an invalid value of a known key is also refused on the slow path', () => {
  for (const bad of ['Incarnation', 'Port'] as const) {
    for (const value of [
      'ff',
      'd0ff',
      'cf0000000100000000',
      'cb3fe0000000000000',
      'a131',
      '9107',
    ]) {
      throwsFault(() => decodeMessage(claim({ Vsn: fields.Vsn, [bad]: value })), 'malformed');
    }
  }
});

test('too many and too deeply nested values are refused everywhere', () => {
  const many = `dc1000${'00'.repeat(4096)}`;
  throwsFault(() => decodeMessage(claim({ Vsn: many })), 'too-large');
  throwsFault(() => decodeMessage(claim({ Unknown: many })), 'too-large');
  throwsFault(() => decodeMessage(claim({ Unknown: `${'91'.repeat(40)}00` })), 'too-deep');
});

test('the cursor is behind the value afterwards, and every truncation is detected', () => {
  const foreign = claim({ Vsn: '96010502000000', Node: 'd90162' });
  const buf = Buffer.concat([foreign, Buffer.from('c1c1', 'hex')]);
  const cursor = { buf, pos: 1, end: buf.length };
  const decoded: Message = decodeStructSlowPath(schemas.alive, cursor);
  assert.equal(decoded.node, 'b');
  assert.equal(cursor.pos, foreign.length);
  for (let end = 1; end < foreign.length; end++) {
    throwsFault(() => decodeStructSlowPath(schemas.alive, { buf, pos: 1, end }), 'truncated');
  }
});
