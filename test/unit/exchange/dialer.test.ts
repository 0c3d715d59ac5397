/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The exchanges that a node starts, with a real acceptor and with misbehaving peers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError, TimeoutError } from '../../../src/errors.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { encodePushPull, type PushPull } from '../../../src/wire/stream-codec.js';
import { slicedResult } from './sliced-result.js';
import {
  ours,
  theirs,
  to,
  ack,
  noHost,
  layersOf,
  Harness,
  stateOf,
  isProtocolError,
} from './dialer-harness.js';

test('a push/pull gives each side the state of the other, through every layer', async () => {
  const key = Buffer.alloc(32, 1);
  for (const settings of [
    {},
    { label: 'prod' },
    { compress: true },
    { key },
    { label: 'prod', compress: true, key, version: 0 },
  ] as const) {
    const merged: PushPull[] = [];
    const host = { merge: (remote: PushPull) => slicedResult(() => void merged.push(remote)) };
    const harness = await Harness.withAcceptor(host, layersOf(settings));
    for (const join of [true, false]) {
      const answer = await harness.finish(harness.dialer.pushPull(to, stateOf({ join, ...ours })));
      assert.deepEqual(answer, { type: 6, join, ...theirs });
      assert.deepEqual(merged.pop(), { type: 6, join, ...ours });
    }
    assert.ok(harness.clock.now() < 100);
  }
});

test('peers with different settings of compression and encryption version understand each other', async () => {
  const key = Buffer.alloc(16, 1);
  const harness = await Harness.withAcceptor(
    {},
    layersOf({ key, version: 0, compress: true }),
    layersOf({ key, version: 1 }),
  );
  assert.equal((await harness.pushPull()).records.length, 500);
  assert.equal(await harness.ping(), true);
});

test('a refusal of the peer is a ProtocolError with its message', async () => {
  const objection = new ProtocolError('merge refused: this cluster is full');
  const harness = await Harness.withAcceptor({
    objectionTo: () => slicedResult(objection),
    merge: noHost,
  });
  await assert.rejects(harness.pushPull(), isProtocolError(/^10\.0\.0\.1:7946 .*cluster is full/));
});

test('another key or another label of the peer is a ProtocolError', async () => {
  const keyed = layersOf({ key: Buffer.alloc(16, 1) });
  for (const [mine, yours, words] of [
    [keyed, layersOf({ key: Buffer.alloc(16, 2) }), /no installed key|cannot be read/],
    [keyed, layersOf(), /plaintext/],
    [layersOf(), keyed, /cannot be read/],
    [layersOf({ label: 'a' }), layersOf({ label: 'b' }), /without an answer/],
    [layersOf(), layersOf({ label: 'b' }), /without an answer/],
  ] as const) {
    const harness = await Harness.withAcceptor({ merge: noHost }, mine, yours);
    await assert.rejects(harness.pushPull(), isProtocolError(words));
    assert.equal(await harness.ping(), false);
  }
});

test('an answer other than a push/pull is a ProtocolError', async () => {
  await assert.rejects(
    (await Harness.answering(ack)).pushPull(),
    isProtocolError(/message type 2/),
  );
  const web = Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n');
  await assert.rejects(
    (await Harness.answering(web)).pushPull(),
    isProtocolError(/cannot be read/),
  );
});

test('a peer that closes early, at whatever byte of its answer, is a ProtocolError', async () => {
  const answer = encodePushPull({ join: false, ...ours });
  for (let length = 0; length < answer.length; length++) {
    const harness = await Harness.answering(answer.subarray(0, length));
    const words = length === 0 ? /closed without an answer/ : /middle of a message/;
    await assert.rejects(harness.pushPull(), isProtocolError(words));
    assert.ok(harness.clock.now() < 100);
  }
});

test('a peer that goes away in the middle of the exchange is a ProtocolError', async () => {
  const harness = await Harness.open(async (connection, { target }) => {
    await connection.read();
    await target.shutdown();
  });
  await assert.rejects(
    harness.pushPull(),
    isProtocolError(/push\/pull with 10.0.0.1:7946 broke off/),
  );
});

test('a refused connection is a ProtocolError', async () => {
  const harness = await Harness.open(noHost);
  const unused = { addr: '10.0.0.7:7946' };
  const failure = isProtocolError(/10\.0\.0\.7:7946 could not be reached.*ECONNREFUSED/);
  await assert.rejects(
    harness.finish(harness.dialer.pushPull(unused, stateOf({ join: true, ...ours }))),
    failure,
  );
  await assert.rejects(harness.finish(harness.dialer.userMessage(unused, Buffer.of(1))), failure);
  const request = { node: '', seqNo: 1, withinMs: 500 };
  assert.equal(await harness.finish(harness.dialer.ping(unused, request)), false);
});

test('an address that does not answer at all is a TimeoutError at the deadline', async () => {
  const harness = await Harness.open(noHost);
  harness.network.cut('us', 'target');
  await assert.rejects(harness.pushPull(), (error) => error instanceof TimeoutError);
  assert.equal(harness.clock.now(), 10_000);
});

test('a peer that answers nothing is a TimeoutError at the deadline, and the stream is closed', async () => {
  const harness = await Harness.open(() => undefined);
  await assert.rejects(harness.pushPull(), (error) => error instanceof TimeoutError);
  const dialed = 2;
  assert.equal(harness.clock.now(), dialed + 10_000);
  const [stream] = harness.streams;
  assert.ok(stream);
  assert.ok((await harness.finish(stream.read()))?.length);
  assert.equal(await harness.finish(stream.read()), null);
});

test('a peer that answers one byte a second is cut off by the deadline', async () => {
  const answer = encodePushPull({ join: false, ...ours });
  const harness = await Harness.open((connection, { clock }) => {
    for (const [i, byte] of answer.entries()) {
      clock.setTimer(i * 1000, () => void connection.write(Buffer.of(byte)).catch(() => undefined));
    }
  });
  await assert.rejects(harness.pushPull(), (error) => error instanceof TimeoutError);
  assert.equal(harness.clock.now(), 2 + 10_000);
});

test('an aborted signal rejects with its reason: before dialing, while dialing, while waiting', async () => {
  const reason = new Error('enough');
  for (const [abortAt, streams] of [
    [undefined, 0],
    [1.5, 1],
    [500, 1],
  ] as const) {
    const harness = await Harness.open(() => undefined);
    const controller = new AbortController();
    const abort = (): void => controller.abort(reason);
    if (abortAt === undefined) abort();
    else harness.clock.setTimer(abortAt, abort);
    await assert.rejects(harness.pushPull(controller.signal), (error) => error === reason);
    assert.equal(harness.clock.now(), abortAt ?? harness.clock.now());
    assert.equal(harness.streams.length, streams);
  }
});

test('a stream ping is true for the right name and for none, and false for another', async () => {
  const harness = await Harness.withAcceptor({});
  assert.equal(await harness.ping('target'), true);
  assert.equal(await harness.ping(''), true);
  assert.equal(await harness.ping('another'), false);
  assert.ok(harness.clock.now() < 100);
});

test('a stream ping with another number, an err, another answer or none is false', async () => {
  for (const answer of [
    encodeMessage({ type: 2, seqNo: 8, payload: null }),
    encodeMessage({ type: 13, error: 'no' }),
    encodePushPull({ join: false, ...ours }),
    Buffer.from('GET /'),
    null,
  ]) {
    assert.equal(await (await Harness.answering(answer)).ping(), false);
  }
  assert.equal(await (await Harness.answering(ack)).ping(), true);
});

test('a stream ping uses its own deadline and not the stream timeout', async () => {
  const harness = await Harness.open(() => undefined);
  assert.equal(await harness.ping('target', 500), false);
  assert.equal(harness.clock.now(), 502);
});

test('a stream ping whose deadline has passed does not dial', async () => {
  const harness = await Harness.open(noHost);
  for (const withinMs of [0, -1]) assert.equal(await harness.ping('target', withinMs), false);
  assert.equal(harness.clock.pending, 0);
});
