/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our end of the exchanges that we begin, against a real acceptor and against peers that misbehave.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError, TimeoutError } from '../../../src/errors.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { encodePushPull, type PushPull } from '../../../src/wire/stream-codec.js';
import { atOnce } from './at-once.js';
import {
  ours,
  theirs,
  to,
  ack,
  noHost,
  layersOf,
  Stage,
  stateOf,
  isProtocolError,
} from './dialer-stage.js';

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
    const host = { merge: (remote: PushPull) => atOnce(() => void merged.push(remote)) };
    const stage = await Stage.withAcceptor(host, layersOf(settings));
    for (const join of [true, false]) {
      const answer = await stage.finish(stage.dialer.pushPull(to, stateOf({ join, ...ours })));
      assert.deepEqual(answer, { type: 6, join, ...theirs });
      assert.deepEqual(merged.pop(), { type: 6, join, ...ours });
    }
    assert.ok(stage.clock.now() < 100);
  }
});

test('peers of different settings of compression and encryption version understand each other', async () => {
  const key = Buffer.alloc(16, 1);
  const stage = await Stage.withAcceptor(
    {},
    layersOf({ key, version: 0, compress: true }),
    layersOf({ key, version: 1 }),
  );
  assert.equal((await stage.pushPull()).records.length, 500);
  assert.equal(await stage.ping(), true);
});

test('what the other side objects to comes as a ProtocolError with its text', async () => {
  const objection = new ProtocolError('merge refused: this cluster is full');
  const stage = await Stage.withAcceptor({ objectionTo: () => atOnce(objection), merge: noHost });
  await assert.rejects(stage.pushPull(), isProtocolError(/^10\.0\.0\.1:7946 .*cluster is full/));
});

test('another key or another label of the other side is a ProtocolError', async () => {
  const keyed = layersOf({ key: Buffer.alloc(16, 1) });
  for (const [mine, yours, words] of [
    [keyed, layersOf({ key: Buffer.alloc(16, 2) }), /no installed key|cannot be read/],
    [keyed, layersOf(), /plaintext/],
    [layersOf(), keyed, /cannot be read/],
    [layersOf({ label: 'a' }), layersOf({ label: 'b' }), /without an answer/],
    [layersOf(), layersOf({ label: 'b' }), /without an answer/],
  ] as const) {
    const stage = await Stage.withAcceptor({ merge: noHost }, mine, yours);
    await assert.rejects(stage.pushPull(), isProtocolError(words));
    assert.equal(await stage.ping(), false);
  }
});

test('another answer than a push/pull is a ProtocolError', async () => {
  await assert.rejects((await Stage.answering(ack)).pushPull(), isProtocolError(/message type 2/));
  const web = Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n');
  await assert.rejects((await Stage.answering(web)).pushPull(), isProtocolError(/cannot be read/));
});

test('a peer that closes early, at whatever byte of its answer, is a ProtocolError', async () => {
  const answer = encodePushPull({ join: false, ...ours });
  for (let length = 0; length < answer.length; length++) {
    const stage = await Stage.answering(answer.subarray(0, length));
    const words = length === 0 ? /closed without an answer/ : /middle of a message/;
    await assert.rejects(stage.pushPull(), isProtocolError(words));
    assert.ok(stage.clock.now() < 100);
  }
});

test('a peer that goes away in the middle of the exchange is a ProtocolError', async () => {
  const stage = await Stage.open(async (connection, { target }) => {
    await connection.read();
    await target.shutdown();
  });
  await assert.rejects(
    stage.pushPull(),
    isProtocolError(/push\/pull with 10.0.0.1:7946 broke off/),
  );
});

test('nobody there is a ProtocolError that says so', async () => {
  const stage = await Stage.open(noHost);
  const nobody = { addr: '10.0.0.7:7946' };
  const failure = isProtocolError(/10\.0\.0\.7:7946 could not be reached.*ECONNREFUSED/);
  await assert.rejects(
    stage.finish(stage.dialer.pushPull(nobody, stateOf({ join: true, ...ours }))),
    failure,
  );
  await assert.rejects(stage.finish(stage.dialer.userMessage(nobody, Buffer.of(1))), failure);
  const request = { node: '', seqNo: 1, withinMs: 500 };
  assert.equal(await stage.finish(stage.dialer.ping(nobody, request)), false);
});

test('an address that does not answer at all is a TimeoutError once time is up', async () => {
  const stage = await Stage.open(noHost);
  stage.network.cut('us', 'target');
  await assert.rejects(stage.pushPull(), (error) => error instanceof TimeoutError);
  assert.equal(stage.clock.now(), 10_000);
});

test('a peer that answers nothing is a TimeoutError once time is up, and the stream is closed', async () => {
  const stage = await Stage.open(() => undefined);
  await assert.rejects(stage.pushPull(), (error) => error instanceof TimeoutError);
  const dialled = 2;
  assert.equal(stage.clock.now(), dialled + 10_000);
  const [stream] = stage.streams;
  assert.ok(stream);
  assert.ok((await stage.finish(stream.read()))?.length);
  assert.equal(await stage.finish(stream.read()), null);
});

test('a peer that answers one byte a second is cut off by the deadline', async () => {
  const answer = encodePushPull({ join: false, ...ours });
  const stage = await Stage.open((connection, { clock }) => {
    for (const [i, byte] of answer.entries()) {
      clock.setTimer(i * 1000, () => void connection.write(Buffer.of(byte)).catch(() => undefined));
    }
  });
  await assert.rejects(stage.pushPull(), (error) => error instanceof TimeoutError);
  assert.equal(stage.clock.now(), 2 + 10_000);
});

test('an aborted signal rejects with its reason: before dialling, while dialling, while waiting', async () => {
  const reason = new Error('enough');
  for (const [abortAt, streams] of [
    [undefined, 0],
    [1.5, 1],
    [500, 1],
  ] as const) {
    const stage = await Stage.open(() => undefined);
    const controller = new AbortController();
    const abort = (): void => controller.abort(reason);
    if (abortAt === undefined) abort();
    else stage.clock.setTimer(abortAt, abort);
    await assert.rejects(stage.pushPull(controller.signal), (error) => error === reason);
    assert.equal(stage.clock.now(), abortAt ?? stage.clock.now());
    assert.equal(stage.streams.length, streams);
  }
});

test('a stream ping is true for the right name and for none, and false for another', async () => {
  const stage = await Stage.withAcceptor({});
  assert.equal(await stage.ping('target'), true);
  assert.equal(await stage.ping(''), true);
  assert.equal(await stage.ping('another'), false);
  assert.ok(stage.clock.now() < 100);
});

test('a stream ping with another number, an err, another answer or none is false', async () => {
  for (const answer of [
    encodeMessage({ type: 2, seqNo: 8, payload: null }),
    encodeMessage({ type: 13, error: 'no' }),
    encodePushPull({ join: false, ...ours }),
    Buffer.from('GET /'),
    null,
  ]) {
    assert.equal(await (await Stage.answering(answer)).ping(), false);
  }
  assert.equal(await (await Stage.answering(ack)).ping(), true);
});

test('a stream ping waits until its own deadline and not for the timeout of streams', async () => {
  const stage = await Stage.open(() => undefined);
  assert.equal(await stage.ping('target', 500), false);
  assert.equal(stage.clock.now(), 502);
});

test('a stream ping whose deadline has passed does not dial', async () => {
  const stage = await Stage.open(noHost);
  for (const withinMs of [0, -1]) assert.equal(await stage.ping('target', withinMs), false);
  assert.equal(stage.clock.pending, 0);
});
