/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// User messages over streams: each is delivered, or its promise rejects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageTooLargeError, ShutdownError, TimeoutError } from '../../../src/errors.js';
import { type AcceptorHost } from '../../../src/exchange/acceptor.js';
import { limits } from '../../../src/wire/limits.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { type StreamLayers } from '../../../src/wire/stream-codec.js';
import { to, ack, noHost, layersOf, Harness, isProtocolError } from './dialer-harness.js';

test('a user message arrives and needs no answer', async () => {
  for (const layers of [
    layersOf(),
    layersOf({ label: 'a', compress: true, key: Buffer.alloc(16) }),
  ]) {
    const payloads: string[] = [];
    const userMessage = (payload: Buffer): void => void payloads.push(payload.toString());
    const harness = await Harness.withAcceptor({ userMessage }, layers);
    await harness.finish(harness.dialer.userMessage(to, Buffer.from('hello')));
    await harness.ping();
    await harness.finish(harness.dialer.userMessage(to, Buffer.alloc(0)));
    await harness.ping();
    assert.deepEqual(payloads, ['hello', '']);
  }
});

test('a user message over 20 MiB is not sent, nor one that is over it once it is encrypted', async () => {
  const largest = Buffer.alloc(limits.userStreamBytes);
  for (const [settings, payload] of [
    [{}, Buffer.alloc(limits.userStreamBytes + 1)],
    [{ key: Buffer.alloc(16) }, largest],
  ] as const) {
    const harness = await Harness.open(noHost, layersOf(settings));
    await assert.rejects(harness.dialer.userMessage(to, payload), (error) => {
      assert.ok(error instanceof MessageTooLargeError);
      return error.size > error.limit && error.limit === limits.stateBytes;
    });
    assert.equal(harness.clock.pending, 0);
  }
  let received = 0;
  const userMessage = (payload: Buffer): void => void (received = payload.length);
  const harness = await Harness.withAcceptor({ userMessage });
  await harness.finish(harness.dialer.userMessage(to, largest));
  await harness.ping();
  assert.equal(received, limits.userStreamBytes);
});

test('sending a user message resolves only when the peer has read it and closed the stream', async () => {
  const harness = await Harness.open(async (connection, { clock }) => {
    await connection.read();
    clock.setTimer(3_000, () => connection.close());
  });
  await harness.finish(harness.dialer.userMessage(to, Buffer.from('hello')));
  assert.ok(harness.clock.now() >= 3_000);
});

test('a user message rejects when its stream is reset, before or while it is read', async () => {
  for (const reads of [false, true]) {
    const harness = await Harness.open(async (connection) => {
      if (reads) await connection.read();
      connection.reset?.();
    });
    const sent = harness.finish(harness.dialer.userMessage(to, Buffer.alloc(200_000)));
    await assert.rejects(
      sent,
      isProtocolError(/10\.0\.0\.1:7946 broke off: it reset the stream before it had/),
    );
  }
});

test('a user message rejects when the peer refuses it, answers it or never closes', async () => {
  const err = encodeMessage({ type: 13, error: 'no installed key opens it' });
  for (const [answer, words] of [
    [err, /answered: no installed key/],
    [ack, /message type 2/],
    [Buffer.from('HTTP/1.1 400'), /cannot be read/],
  ] as const) {
    const harness = await Harness.answering(answer);
    const sent = harness.finish(harness.dialer.userMessage(to, Buffer.of(1)));
    await assert.rejects(sent, isProtocolError(words));
  }
  const harness = await Harness.open(() => undefined);
  const sent = harness.finish(harness.dialer.userMessage(to, Buffer.of(1)));
  await assert.rejects(sent, (error) => error instanceof TimeoutError);
});

test('a user message that the acceptor refuses rejects, for every reason', async () => {
  const refusals: [Partial<AcceptorHost>, StreamLayers?][] = [
    [{ allowsIp: () => false }],
    [{}, layersOf({ label: 'another' })],
    [{}, layersOf({ key: Buffer.alloc(16, 3) })],
    [
      {
        userMessage: () => {
          throw new ShutdownError('a message');
        },
      },
    ],
  ];
  for (const [host, theirLayers = layersOf()] of refusals) {
    const harness = await Harness.withAcceptor(host, layersOf(), theirLayers);
    const sent = harness.finish(harness.dialer.userMessage(to, Buffer.of(1)));
    await assert.rejects(sent, isProtocolError(/10\.0\.0\.1:7946/));
  }
});

test('of thousands of concurrent messages, each one is delivered or rejects', async () => {
  const seen = new Set<string>();
  const userMessage = (payload: Buffer): void => void seen.add(payload.toString());
  const harness = await Harness.withAcceptor({ userMessage });
  const sendings = Array.from({ length: 1_000 }, (_, i) => {
    return harness.dialer.userMessage(to, Buffer.from(`message ${i}`));
  });
  await harness.finish(Promise.all(sendings));
  assert.equal(seen.size, 1_000);
});

test('dialing for a user message has the time that waiting in the queue has left', async () => {
  const harness = await Harness.open(() => undefined);
  const first = Array.from({ length: limits.sendsPerPeer }, () => {
    return harness.dialer.userMessage(to, Buffer.of(1));
  });
  const late = harness.dialer.userMessage(to, Buffer.of(2));
  const [, outcome] = await harness.finish(
    Promise.all([Promise.allSettled(first), late.catch((error: unknown) => error)]),
  );
  assert.ok(outcome instanceof TimeoutError);
  assert.match(outcome.message, /was queued behind others/);
  assert.equal(harness.streams.length, limits.sendsPerPeer);
});
