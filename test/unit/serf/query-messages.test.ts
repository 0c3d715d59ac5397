/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The codecs of queries, and what all decoders do with bytes that are no messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import msgpack from 'msgpack-lite';
import { decodeCoordinate, encodeCoordinate } from '../../../src/serf/coordinates.js';
import { serfLimits } from '../../../src/serf/limits.js';
import { MalformedMessage } from '../../../src/serf/malformed-message.js';
import {
  decodeIntent,
  decodeState,
  decodeUserEvent,
  encodeIntent,
  encodeState,
  encodeUserEvent,
} from '../../../src/serf/messages.js';
import { pack } from '../../../src/serf/pack.js';
import {
  decodeConflictResponse,
  decodeFilter,
  decodeKeyRequest,
  decodeKeyResponse,
  decodeQuery,
  decodeRelay,
  decodeResponse,
  encodeConflictResponse,
  encodeFilter,
  encodeKeyRequest,
  encodeKeyResponse,
  encodeQuery,
  encodeRelay,
  encodeResponse,
  type Query,
} from '../../../src/serf/query-messages.js';
import { parseSnapshot } from '../../../src/serf/snapshot.js';
import { decodeSerfTags, encodeSerfTags } from '../../../src/serf/tags.js';
import { startCoordinate } from '../../../src/serf/vivaldi.js';

const query: Query = {
  ltime: 300,
  id: 4_000_000_000,
  name: 'who',
  payload: Buffer.from('x'),
  origin: { addr: '10.0.0.1:7946', name: 'n\udcff' },
  from: 'n\udcff',
  filters: [Buffer.of(0, 0x90)],
  wantsAck: true,
  isPrivate: false,
  relayFactor: 3,
  timeoutMs: 1_600,
};
const response = { ltime: 7, id: 5, from: 'a', isAck: false, payload: Buffer.from('yes') };
const keyResponse = { result: true, message: 'm', keys: ['a', 'b'], primaryKey: 'a' };
const relay = { to: { addr: '[::1]:80', name: 'x' }, payload: Buffer.of(5, 1) };
const versions = { min: 1, max: 5, current: 2 };
const disputed = {
  ...{ name: 'a', addr: '10.0.0.9', port: 7946, tags: { role: 'web' }, status: 1 },
  ...{ protocol: versions, delegateProtocol: versions },
};
const state = {
  ...{ ltime: 9, eventLtime: 4, queryLtime: 2, leftMembers: ['b'] },
  statusLtimes: new Map([['b', 3]]),
  events: [{ ltime: 3, name: 'e', payload: Buffer.from('p') }],
};
const event = { ltime: 9, name: 'deploy', payload: Buffer.from('v1'), coalesce: true };

test('messages come back as they were', () => {
  assert.deepEqual(decodeQuery(encodeQuery(query)), query);
  const bare = { ...query, origin: undefined, from: '', isPrivate: true, wantsAck: false };
  assert.deepEqual(decodeQuery(encodeQuery(bare)), bare);
  assert.deepEqual(decodeResponse(encodeResponse(response)), response);
  const ack = { ...response, isAck: true, payload: Buffer.alloc(0) };
  assert.deepEqual(decodeResponse(encodeResponse(ack)), ack);
  for (const filter of [
    { kind: 'nodes', names: ['a', 'b'] },
    { kind: 'tag', tag: 'role', expr: '^web$' },
  ] as const) {
    assert.deepEqual(decodeFilter(encodeFilter(filter)), filter);
  }
  assert.deepEqual(decodeRelay(encodeRelay(relay)), relay);
  const key = Buffer.alloc(32, 7);
  assert.deepEqual(decodeKeyRequest(encodeKeyRequest(key)), key);
  assert.deepEqual(decodeKeyResponse(encodeKeyResponse(keyResponse)), keyResponse);
  assert.equal(decodeConflictResponse(encodeConflictResponse(disputed)), '10.0.0.9:7946');
  assert.equal(decodeConflictResponse(encodeConflictResponse(undefined)), undefined);
  const coordinate = { ...startCoordinate(), error: 0.25, vec: [1, -2, 3, 4, 5, 6, 7, 0.5] };
  assert.deepEqual(decodeCoordinate(encodeCoordinate(coordinate)), coordinate);
});

test('the fields have the names, types and values of Go', () => {
  const fields = (message: Buffer): Record<string, unknown> =>
    msgpack.decode(message.subarray(1)) as Record<string, unknown>;
  const encoded = fields(encodeQuery(query));
  assert.deepEqual(Object.keys(encoded).sort(), [
    ...['Addr', 'Filters', 'Flags', 'ID', 'LTime', 'Name', 'Payload', 'Port', 'RelayFactor'],
    ...['SourceNode', 'Timeout'],
  ]);
  assert.equal(encoded.Timeout, 1_600_000_000, 'nanoseconds');
  assert.equal(encoded.Flags, 1);
  assert.equal(fields(encodeQuery({ ...query, isPrivate: true })).Flags, 3);
  assert.equal(fields(encodeQuery({ ...query, filters: [] })).Filters, null);
  const ack = fields(encodeResponse({ ...response, isAck: true }));
  assert.deepEqual([ack.Flags, ack.Payload], [1, null]);
  assert.deepEqual(Object.keys(fields(encodeConflictResponse(disputed))).sort(), [
    ...['Addr', 'DelegateCur', 'DelegateMax', 'DelegateMin', 'Name', 'Port', 'ProtocolCur'],
    ...['ProtocolMax', 'ProtocolMin', 'Status', 'Tags'],
  ]);
  const coordinate = encodeCoordinate(startCoordinate());
  assert.equal(coordinate[0], 1);
  const floats = coordinate.filter((byte) => byte === 0xcb).length;
  assert.ok(floats >= 11, 'all numbers have 64 bits, also whole ones');
});

test('fields that are missing have their zero value, and others of a wrong type are refused', () => {
  const of = (fields: Record<string, never>): Buffer => Buffer.concat([Buffer.of(4), pack(fields)]);
  const empty = decodeQuery(of({}));
  assert.deepEqual(
    [empty.name, empty.origin, empty.timeoutMs, empty.filters],
    ['', undefined, 0, []],
  );
  const wrong: readonly (readonly [string, unknown])[] = [
    ['ID', 2 ** 32],
    ['Port', 70_000],
    ['RelayFactor', 256],
    ['Filters', 3],
    ['Filters', [1]],
    ['Name', 4],
    ['Timeout', 'soon'],
  ];
  for (const [field, value] of wrong) {
    assert.throws(() => decodeQuery(of({ [field]: value as never })), MalformedMessage, field);
  }
});

test('a message with more values than the limit is refused before it takes memory', () => {
  const nils = Buffer.alloc(serfLimits.values + 10, 0xc0);
  nils.writeUInt8(0xdd, 0);
  nils.writeUInt32BE(serfLimits.values + 5, 1);
  const message = Buffer.concat([Buffer.of(0), nils]);
  assert.throws(() => decodeFilter(message), /over 524288 values/);
});

const decoders: readonly ((bytes: Buffer) => unknown)[] = [
  ...[decodeQuery, decodeResponse, decodeFilter, decodeRelay, decodeKeyRequest, decodeKeyResponse],
  ...[decodeConflictResponse, decodeCoordinate, decodeState, decodeUserEvent, decodeSerfTags],
  ...[
    (bytes: Buffer) => decodeIntent('join', bytes),
    (bytes: Buffer) => decodeIntent('leave', bytes),
  ],
  parseSnapshot,
];
const golden = [
  ...[encodeQuery(query), encodeResponse(response), encodeRelay(relay), encodeState(state)],
  ...[
    encodeFilter({ kind: 'tag', tag: 't', expr: 'e' }),
    encodeFilter({ kind: 'nodes', names: ['a'] }),
  ],
  ...[encodeKeyRequest(Buffer.alloc(16)), encodeKeyResponse(keyResponse), encodeUserEvent(event)],
  ...[encodeConflictResponse(disputed), encodeCoordinate(startCoordinate())],
  ...[encodeSerfTags({ role: 'web' }), encodeIntent({ kind: 'leave', ltime: 2, node: 'a' })],
  Buffer.from('alive: a 10.0.0.1:7946\nclock: 5\nevent-clock: 3\n'),
];

/** The message with some bytes changed, cut, or repeated. */
const mutants = fc
  .tuple(
    fc.constantFrom(...golden),
    fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 6 }),
    fc.nat(400),
    fc.boolean(),
  )
  .map(([message, changes, cut, isCut]) => {
    const bytes = Buffer.from(message);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    return isCut ? bytes.subarray(0, cut % (bytes.length + 1)) : Buffer.concat([bytes, bytes]);
  });

test('every decoder returns, or throws that the message is malformed', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.oneof(mutants, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      for (const decode of decoders) {
        try {
          decode(Buffer.from(bytes));
          read++;
        } catch (error) {
          if (!(error instanceof MalformedMessage)) throw error;
        }
      }
    }),
    { numRuns: 20_000, seed: 21 },
  );
  assert.ok(read > 10_000, `mutants that are still messages: ${read}`);
});
