/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our end of the exchanges that we begin, against a real acceptor and against peers that misbehave.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  MessageTooLargeError,
  ProtocolError,
  ShutdownError,
  TimeoutError,
} from '../../../src/errors.js';
import { Acceptor, type AcceptorHost } from '../../../src/exchange/acceptor.js';
import { Dialler, keepState, type TakeState } from '../../../src/exchange/dialler.js';
import { GossipCipher } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { MemoryNetwork, VirtualClock } from '../../../src/testing/index.js';
import type { Connection, Transport } from '../../../src/transport/transport.js';
import { Label } from '../../../src/wire/label.js';
import { limits } from '../../../src/wire/limits.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import {
  encodePushPull,
  type PushPull,
  type StreamLayers,
} from '../../../src/wire/stream-codec.js';
import { Pacer } from '../../../src/exchange/pacer.js';
import type { Sliced } from '../../../src/wire/sliced.js';
import { atOnce } from './at-once.js';

const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
const row = { addr: Buffer.of(10, 0, 0, 1), port: 1, meta: null, incarnation: 1, state: 0, vsn };
const ours = { records: [{ ...row, name: 'ours' }], userState: Buffer.from('our state') };
const theirs = {
  records: Array.from({ length: 500 }, (_, i) => ({ ...row, name: `n${i}`, incarnation: i })),
  userState: Buffer.alloc(200_000, 0xab),
};
const to = { addr: '10.0.0.1:7946', name: 'target' };
const ack = encodeMessage({ type: 2, seqNo: 7, payload: null });
const noHost = (): never => assert.fail('not to be called');

interface Settings {
  label?: string;
  compress?: boolean;
  key?: Buffer;
  version?: 0 | 1;
}

function layersOf({ label = '', compress = false, key, version = 1 }: Settings = {}): StreamLayers {
  const keyring = key && new Keyring(key);
  const rules = { version, verifyIncoming: true, verifyOutgoing: true } as const;
  const cipher = keyring && new GossipCipher({ keyring, ...rules });
  return { label: new Label({ label, skipInboundCheck: false }), cipher, compress };
}

/** A dialler and a target whose end of each stream is given to `accept`, in virtual time. */
class Stage {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, latency: 1 });
  readonly dialler: Dialler;
  readonly target: Transport;
  /** Streams that came to the target, newest last. */
  readonly streams: Connection[] = [];
  readonly #transport: Transport;

  private constructor(layers: StreamLayers) {
    this.target = this.network.transport('target', to);
    this.#transport = this.network.transport('us', { addr: '10.0.0.2:7946' });
    const pacer = new Pacer({ clock: this.clock });
    const components = { transport: this.#transport, clock: this.clock, layers, pacer };
    this.dialler = new Dialler(components, { timeoutMs: 10_000 });
  }

  static async open(
    accept: (connection: Connection, stage: Stage) => unknown,
    layers = layersOf(),
  ): Promise<Stage> {
    const stage = new Stage(layers);
    await stage.#transport.start({ packet: noHost, stream: noHost });
    await stage.target.start({
      packet: noHost,
      stream: (connection) => {
        stage.streams.push(connection);
        accept(connection, stage);
      },
    });
    return stage;
  }

  /** A target that is a real acceptor, with this host. */
  static withAcceptor(host: Partial<AcceptorHost>, layers = layersOf(), theirLayers = layers) {
    const whole: AcceptorHost = {
      name: 'target',
      localState: (join) => atOnce(encodePushPull({ join, ...theirs })),
      objectionTo: () => atOnce(undefined),
      merge: () => atOnce(undefined),
      userMessage: noHost,
      allowsIp: () => true,
      foreignLabel: () => undefined,
      dropped: () => undefined,
      failed: (_from, error) => assert.fail(error as Error),
      ...host,
    };
    let acceptor: Acceptor | undefined;
    return Stage.open((connection, { clock }) => {
      const components = { host: whole, clock, layers: theirLayers, pacer: new Pacer({ clock }) };
      acceptor ??= new Acceptor(components, { timeoutMs: 10_000 });
      void acceptor.accept(connection);
    }, layers);
  }

  /** A target that answers whatever comes with these bytes and closes. */
  static answering(answer: Buffer | null): Promise<Stage> {
    return Stage.open(async (connection) => {
      await connection.read();
      if (answer !== null) await connection.write(answer);
      connection.close();
    });
  }

  pushPull(signal?: AbortSignal): Promise<PushPull> {
    return this.finish(this.dialler.pushPull(to, stateOf({ join: true, ...ours }), { signal }));
  }

  ping(node = 'target', withinMs = 500): Promise<boolean> {
    return this.finish(this.dialler.ping(to, { node, seqNo: 7, withinMs }));
  }

  /** Lets virtual time go on until this is settled. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    await this.#until(() => settled);
    return promise;
  }

  async #until(isOver: () => boolean): Promise<void> {
    for (let turns = 0; !isOver(); turns++) {
      assert.ok(turns < 10_000, 'it does not end');
      this.clock.runNext();
      await new Promise(setImmediate);
    }
  }
}

type StateToSend = Parameters<typeof encodePushPull>[0];

/** A state to send, when theirs is taken as it is. */
function stateOf(state: StateToSend): {
  state: () => Sliced<Buffer>;
  take: TakeState<PushPull>;
} {
  return { state: () => atOnce(encodePushPull(state)), take: keepState };
}

function isProtocolError(words: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ProtocolError, String(error));
    assert.match(error.message, words);
    return true;
  };
}

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
      const answer = await stage.finish(stage.dialler.pushPull(to, stateOf({ join, ...ours })));
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
    stage.finish(stage.dialler.pushPull(nobody, stateOf({ join: true, ...ours }))),
    failure,
  );
  await assert.rejects(stage.finish(stage.dialler.userMessage(nobody, Buffer.of(1))), failure);
  const request = { node: '', seqNo: 1, withinMs: 500 };
  assert.equal(await stage.finish(stage.dialler.ping(nobody, request)), false);
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

test('a user message arrives and needs no answer', async () => {
  for (const layers of [
    layersOf(),
    layersOf({ label: 'a', compress: true, key: Buffer.alloc(16) }),
  ]) {
    const payloads: string[] = [];
    const userMessage = (payload: Buffer): void => void payloads.push(payload.toString());
    const stage = await Stage.withAcceptor({ userMessage }, layers);
    await stage.finish(stage.dialler.userMessage(to, Buffer.from('hello')));
    await stage.ping();
    await stage.finish(stage.dialler.userMessage(to, Buffer.alloc(0)));
    await stage.ping();
    assert.deepEqual(payloads, ['hello', '']);
  }
});

test('a user message over 20 MiB is not sent, nor one that is over it once it is encrypted', async () => {
  const largest = Buffer.alloc(limits.userStreamBytes);
  for (const [settings, payload] of [
    [{}, Buffer.alloc(limits.userStreamBytes + 1)],
    [{ key: Buffer.alloc(16) }, largest],
  ] as const) {
    const stage = await Stage.open(noHost, layersOf(settings));
    await assert.rejects(stage.dialler.userMessage(to, payload), (error) => {
      assert.ok(error instanceof MessageTooLargeError);
      return error.size > error.limit && error.limit === limits.stateBytes;
    });
    assert.equal(stage.clock.pending, 0);
  }
  let received = 0;
  const userMessage = (payload: Buffer): void => void (received = payload.length);
  const stage = await Stage.withAcceptor({ userMessage });
  await stage.finish(stage.dialler.userMessage(to, largest));
  await stage.ping();
  assert.equal(received, limits.userStreamBytes);
});

test('a user message is sent only when the other side has closed the stream after reading it', async () => {
  const stage = await Stage.open(async (connection, { clock }) => {
    await connection.read();
    clock.setTimer(3_000, () => connection.close());
  });
  await stage.finish(stage.dialler.userMessage(to, Buffer.from('hello')));
  assert.ok(stage.clock.now() >= 3_000);
});

test('a user message rejects when its stream is reset, before it is read or in the middle of it', async () => {
  for (const reads of [false, true]) {
    const stage = await Stage.open(async (connection) => {
      if (reads) await connection.read();
      connection.reset?.();
    });
    const sent = stage.finish(stage.dialler.userMessage(to, Buffer.alloc(200_000)));
    await assert.rejects(
      sent,
      isProtocolError(/10\.0\.0\.1:7946 broke off: it reset the stream before it had/),
    );
  }
});

test('a user message rejects when the other side refuses it, answers it or never closes', async () => {
  const err = encodeMessage({ type: 13, error: 'no installed key opens it' });
  for (const [answer, words] of [
    [err, /answered: no installed key/],
    [ack, /message type 2/],
    [Buffer.from('HTTP/1.1 400'), /cannot be read/],
  ] as const) {
    const stage = await Stage.answering(answer);
    const sent = stage.finish(stage.dialler.userMessage(to, Buffer.of(1)));
    await assert.rejects(sent, isProtocolError(words));
  }
  const stage = await Stage.open(() => undefined);
  const sent = stage.finish(stage.dialler.userMessage(to, Buffer.of(1)));
  await assert.rejects(sent, (error) => error instanceof TimeoutError);
});

test('a user message that the acceptor does not take rejects, whatever the reason', async () => {
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
    const stage = await Stage.withAcceptor(host, layersOf(), theirLayers);
    const sent = stage.finish(stage.dialler.userMessage(to, Buffer.of(1)));
    await assert.rejects(sent, isProtocolError(/10\.0\.0\.1:7946/));
  }
});

test('of thousands of messages at once every one is delivered, or rejects', async () => {
  const seen = new Set<string>();
  const userMessage = (payload: Buffer): void => void seen.add(payload.toString());
  const stage = await Stage.withAcceptor({ userMessage });
  const sendings = Array.from({ length: 1_000 }, (_, i) => {
    return stage.dialler.userMessage(to, Buffer.from(`message ${i}`));
  });
  await stage.finish(Promise.all(sendings));
  assert.equal(seen.size, 1_000);
});

test('the dialling of a user message has what its waiting left of the time', async () => {
  const stage = await Stage.open(() => undefined);
  const first = Array.from({ length: limits.sendsPerPeer }, () => {
    return stage.dialler.userMessage(to, Buffer.of(1));
  });
  const late = stage.dialler.userMessage(to, Buffer.of(2));
  const [, outcome] = await stage.finish(
    Promise.all([Promise.allSettled(first), late.catch((error: unknown) => error)]),
  );
  assert.ok(outcome instanceof TimeoutError);
  assert.match(outcome.message, /waits behind others/);
  assert.equal(stage.streams.length, limits.sendsPerPeer);
});
