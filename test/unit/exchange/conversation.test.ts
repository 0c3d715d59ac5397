/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One request and its answer over one connection, with one deadline.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageTooLargeError, ProtocolError, TimeoutError } from '../../../src/errors.js';
import { Conversation, converse, type Progress } from '../../../src/exchange/conversation.js';
import { Pacer } from '../../../src/exchange/pacer.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { GossipCipher } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { VirtualClock } from '../../../src/testing/index.js';
import type { Connection } from '../../../src/transport/transport.js';
import { Label } from '../../../src/wire/label.js';
import { limits } from '../../../src/wire/limits.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import {
  encodePushPull,
  encodeUserMessage,
  type StreamLayers,
} from '../../../src/wire/stream-codec.js';
import { Ledger } from '../wire/ledger.js';
import { WireError } from '../../../src/wire/wire-error.js';

const ack = encodeMessage({ type: 2, seqNo: 7, payload: null });
const pushPull = encodePushPull({ join: true, records: [], userState: Buffer.from('state') });

/** A connection whose far end is a list of chunks, then the end; or an error. */
class ScriptedConnection implements Connection {
  readonly remoteAddress = '10.0.0.9:7946';
  readonly written: Buffer[] = [];
  closed = 0;
  readonly #chunks: (Buffer | Error)[];
  #hang: ((end: null) => void) | undefined;

  constructor(chunks: readonly (Buffer | Error)[], { hangs = false } = {}) {
    this.#chunks = [...chunks];
    if (hangs) this.#hang = () => undefined;
  }

  read(): Promise<Buffer | null> {
    const next = this.#chunks.shift();
    if (next instanceof Error) return Promise.reject(next);
    if (next !== undefined || this.#hang === undefined) return Promise.resolve(next ?? null);
    return new Promise((resolve) => (this.#hang = resolve));
  }

  write(data: Buffer): Promise<void> {
    this.written.push(data);
    return Promise.resolve();
  }

  close(): void {
    this.closed++;
    this.#hang?.(null);
  }
}

function layersOf(
  settings: { label?: string; compress?: boolean; key?: Buffer } = {},
): StreamLayers {
  const { label = '', compress = false, key } = settings;
  const keyring = key && new Keyring(key);
  const rules = { version: 1, verifyIncoming: true, verifyOutgoing: true } as const;
  const cipher = keyring && new GossipCipher({ keyring, ...rules });
  return { label: new Label({ label, skipInboundCheck: false }), cipher, compress };
}

/** The local end of a stream on which the far end sends these bytes and finishes. */
function conversation(
  chunks: readonly (Buffer | Error)[],
  side: 'dialer' | 'acceptor' = 'dialer',
  layers = layersOf(),
): Conversation {
  return converseOver(new ScriptedConnection(chunks), layers, side);
}

function converseOver(
  connection: Connection,
  layers: StreamLayers,
  side: 'dialer' | 'acceptor',
  memory?: Ledger,
): Conversation {
  const pacer = new Pacer({ clock: systemClock });
  return new Conversation({ connection, layers, pacer, ...(memory && { memory }) }, { side });
}

function silent(connection: Connection): Conversation {
  return converseOver(connection, layersOf(), 'dialer');
}

function bytewise(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.of(byte));
}

test('a message arrives through every layer, in any chunks', async () => {
  const settings = [{}, { label: 'prod' }, { compress: true }, { key: Buffer.alloc(16, 1) }];
  for (const layers of [...settings, Object.assign({}, ...settings) as object].map((each) =>
    layersOf(each),
  )) {
    const near = new ScriptedConnection([]);
    await converseOver(near, layers, 'dialer').send(pushPull);
    for (const pieces of [near.written, bytewise(Buffer.concat(near.written))]) {
      const request = await conversation(pieces, 'acceptor', layers).receive();
      assert.ok(request?.type === 6 && request.userState.toString() === 'state');
    }
    const far = new ScriptedConnection([]);
    await converseOver(far, layers, 'acceptor').send(ack);
    const answer = await conversation(
      bytewise(Buffer.concat(far.written)),
      'dialer',
      layers,
    ).answer();
    assert.ok(answer.type === 2 && answer.seqNo === 7);
  }
});

test('the dialer puts the label in front, the acceptor does not', async () => {
  const layers = layersOf({ label: 'prod' });
  for (const [side, expected] of [
    ['dialer', Buffer.concat([layers.label.header, ack])],
    ['acceptor', ack],
  ] as const) {
    const connection = new ScriptedConnection([]);
    await converseOver(connection, layers, side).send(ack);
    assert.deepEqual(connection.written, [expected]);
  }
});

test('a stream that ends without a byte is neither a message nor an error', async () => {
  assert.equal(await conversation([]).receive(), undefined);
  assert.equal(await conversation([Buffer.alloc(0)], 'acceptor').receive(), undefined);
});

test('a stream that ends in the middle of a message, or of its label, is truncated', async () => {
  const layers = layersOf({ label: 'prod' });
  const stream = Buffer.concat([layers.label.header, ack]);
  for (let length = 1; length < stream.length; length++) {
    const cut = conversation([stream.subarray(0, length)], 'acceptor', layers);
    await assert.rejects(
      cut.receive(),
      (error) => error instanceof WireError && error.fault === 'truncated',
    );
  }
});

test('the watch function is called after each chunk with the progress', async () => {
  for (const [message, isPushPull] of [
    [pushPull, true],
    [ack, false],
    [encodeUserMessage(Buffer.from('hello')), false],
  ] as const) {
    const seen: Progress[] = [];
    const memory = new Ledger();
    const bytes = new ScriptedConnection(bytewise(message));
    await converseOver(bytes, layersOf(), 'dialer', memory).receive(({ isPushPull }) => {
      // The decoded part of a push/pull need not stay in memory.
      assert.ok(isPushPull || memory.held > seen.length);
      seen.push({ isPushPull });
    });
    assert.equal(seen.length, message.length);
    assert.ok(seen.every((progress) => progress.isPushPull === isPushPull));
  }
  const refusal = new Error('one too many');
  const begun = conversation([pushPull.subarray(0, 2)]).receive(() => {
    throw refusal;
  });
  await assert.rejects(begun, refusal);
});

test('an answer that is an error is a ProtocolError with its text and its sender', async () => {
  const err = encodeMessage({ type: 13, error: 'the remote said no' });
  await assert.rejects(conversation([err]).answer(), (error) => {
    assert.ok(error instanceof ProtocolError);
    assert.match(error.message, /^10\.0\.0\.9:7946 .*the remote said no/);
    return true;
  });
});

test('a missing answer, and an unreadable one, are ProtocolErrors', async () => {
  await assert.rejects(conversation([]).answer(), (error) => {
    assert.ok(error instanceof ProtocolError);
    return error.message.includes('closed without an answer');
  });
  for (const bytes of [
    Buffer.from('HTTP/1.1 400'),
    ack.subarray(0, 3),
    Buffer.from('02c1', 'hex'),
  ]) {
    await assert.rejects(conversation([bytes]).answer(), (error) => {
      assert.ok(error instanceof ProtocolError && error.cause instanceof WireError);
      return error.message.includes(error.cause.message);
    });
  }
});

test('a broken stream rejects with its error', async () => {
  const broken = new Error('ECONNRESET');
  await assert.rejects(conversation([ack.subarray(0, 3), broken]).receive(), broken);
  await assert.rejects(conversation([broken]).answer(), broken);
});

test('a message that the peer would refuse after encryption is not sent', async () => {
  const key = Buffer.alloc(16, 1);
  // LZW makes data without patterns a third larger.
  const noise = Buffer.alloc(15 << 20);
  for (let i = 0, x = 1; i < noise.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    noise[i] = x >>> 24;
  }
  const message = encodeUserMessage(noise);
  for (const [settings, isSent] of [
    [{ key, compress: true }, false],
    [{ key }, true],
    [{ compress: true }, true],
  ] as const) {
    const connection = new ScriptedConnection([]);
    const sent = converseOver(connection, layersOf(settings), 'dialer').send(message);
    if (isSent) await sent;
    else {
      await assert.rejects(sent, (error) => {
        assert.ok(error instanceof MessageTooLargeError);
        return error.size > error.limit && error.limit === limits.stateBytes;
      });
    }
    assert.equal(connection.written.length, isSent ? 1 : 0);
  }
});

test('the connection is closed when the work is done and when it fails', async () => {
  const bounds = { clock: systemClock, timeoutMs: 1000, what: 'the work' };
  const done = new ScriptedConnection([]);
  assert.equal(await converse(silent(done), bounds, () => Promise.resolve(7)), 7);
  assert.equal(done.closed, 1);
  const failed = new ScriptedConnection([]);
  const reason = new Error('no');
  await assert.rejects(
    converse(silent(failed), bounds, () => Promise.reject(reason)),
    reason,
  );
  assert.equal(failed.closed, 1);
});

test('at the deadline, to the millisecond, the work fails with a TimeoutError and the stream is destroyed', async () => {
  const clock = new VirtualClock();
  const connection = new ScriptedConnection([], { hangs: true });
  const talk = converseOver(connection, layersOf(), 'dialer');
  let state = 'running';
  const work = converse(talk, { clock, timeoutMs: 10_000, what: 'the talk' }, () => talk.answer());
  const outcome = assert.rejects(work, (error) => {
    state = 'over';
    return error instanceof TimeoutError && /the talk .*10000 ms/.test(error.message);
  });
  clock.advance(9_999);
  await new Promise(setImmediate);
  assert.equal(state, 'running');
  assert.equal(connection.closed, 0);
  clock.advance(1);
  await outcome;
  assert.equal(connection.closed, 1);
});

test('no timer is left behind by work that ended in time', async () => {
  const clock = new VirtualClock();
  const bounds = { clock, timeoutMs: 10_000, what: 'the work' };
  await converse(silent(new ScriptedConnection([])), bounds, () => Promise.resolve());
  assert.equal(clock.pending, 0);
});

test("an aborted signal ends the work with the signal's reason, before and during it", async () => {
  for (const early of [true, false]) {
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error('enough');
    if (early) controller.abort(reason);
    const connection = new ScriptedConnection([], { hangs: true });
    const talk = converseOver(connection, layersOf(), 'dialer');
    const bounds = { clock: systemClock, timeoutMs: 10_000, signal, what: 'the talk' };
    const outcome = assert.rejects(
      converse(talk, bounds, () => talk.answer()),
      reason,
    );
    controller.abort(reason);
    await outcome;
    assert.equal(connection.closed, 1);
  }
});
