/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our end of the exchanges that others begin.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '../../../src/errors.js';
import { Acceptor, type AcceptorHost } from '../../../src/exchange/acceptor.js';
import { GossipCipher } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { MemoryNetwork, VirtualClock } from '../../../src/testing/index.js';
import type { Connection } from '../../../src/transport/transport.js';
import { Label } from '../../../src/wire/label.js';
import { limits } from '../../../src/wire/limits.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import {
  encodePushPull,
  encodeUserMessage,
  StreamReader,
  wrapForStream,
  type PushPull,
  type StreamLayers,
  type StreamMessage,
} from '../../../src/wire/stream-codec.js';

const noSource = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
const row = { addr: Buffer.of(10, 0, 0, 1), port: 1, meta: null, incarnation: 1, state: 0, vsn };
const ours = { records: [{ ...row, name: 'ours' }], userState: Buffer.from('our state') };
const theirs = { records: [{ ...row, name: 'theirs' }], userState: Buffer.from('their state') };
const pushPull = encodePushPull({ join: true, ...theirs });

function ping(node: string, seqNo = 7): Buffer {
  return encodeMessage({ type: 0, seqNo, node, ...noSource });
}

/** A node that only accepts, and writes down what it was told. */
class Host implements AcceptorHost {
  readonly name = 'target';
  readonly drops: string[] = [];
  readonly details: string[] = [];
  readonly merged: PushPull[] = [];
  readonly users: [payload: string, from: string][] = [];
  objection: ProtocolError | undefined;

  localState(join: boolean): Omit<PushPull, 'type'> {
    return { join, ...ours };
  }
  objectionTo(): ProtocolError | undefined {
    return this.objection;
  }
  merge(remote: PushPull): void {
    this.merged.push(remote);
  }
  userMessage(payload: Buffer, { addr }: { addr: string }): void {
    this.users.push([payload.toString(), addr]);
  }
  dropped(_from: string, reason: string, detail: string): void {
    this.drops.push(reason);
    this.details.push(detail);
  }
}

function layersOf({ label = '', key }: { label?: string; key?: Buffer } = {}): StreamLayers {
  const keyring = key && new Keyring(key);
  const rules = { version: 1, verifyIncoming: true, verifyOutgoing: true } as const;
  return {
    label: new Label({ label, skipInboundCheck: false }),
    cipher: keyring && new GossipCipher({ keyring, ...rules }),
    compress: false,
  };
}

/** A peer that dials and a target that accepts, in virtual time. */
class Stage {
  readonly clock = new VirtualClock();
  readonly host = new Host();
  readonly acceptor: Acceptor;
  readonly #network = new MemoryNetwork({ clock: this.clock });
  readonly #peer = this.#network.transport('peer', { addr: '10.0.0.2:7946' });
  #accepted = 0;
  #ended = 0;

  private constructor(layers: StreamLayers) {
    const { clock, host } = this;
    this.acceptor = new Acceptor({ host, clock, layers }, { timeoutMs: 10_000 });
  }

  static async open(layers = layersOf()): Promise<Stage> {
    const stage = new Stage(layers);
    const packet = (): void => assert.fail('no packets here');
    const target = stage.#network.transport('target', { addr: '10.0.0.1:7946' });
    await target.start({ packet, stream: (connection) => void stage.#accept(connection) });
    await stage.#peer.start({ packet, stream: () => assert.fail('nobody dials the peer') });
    return stage;
  }

  /** Streams that the acceptor is still busy with. */
  get running(): number {
    return this.#accepted - this.#ended;
  }

  dial(): Promise<Connection> {
    return this.finish(this.#peer.dial({ addr: '10.0.0.1:7946' }, { timeout: 1_000 }));
  }

  /** All that comes back for these bytes, until the acceptor closes. */
  async ask(request: Buffer): Promise<Buffer> {
    const connection = await this.dial();
    await connection.write(request);
    return this.finish(readAll(connection));
  }

  /** The same, as the one message that it is. */
  async asked(request: Buffer, layers = layersOf()): Promise<StreamMessage | undefined> {
    return new StreamReader(layers, { expectLabel: false }).push(await this.ask(request));
  }

  /** Lets virtual time go on until this is settled. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    await this.#until(() => settled);
    return promise;
  }

  /** Lets virtual time go on until the acceptor is done with all streams. */
  async idle(): Promise<void> {
    await this.#until(() => this.running === 0);
  }

  async #until(isOver: () => boolean): Promise<void> {
    for (let turns = 0; ; turns++) {
      await new Promise(setImmediate);
      if (isOver()) return;
      assert.ok(turns < 10_000, 'it does not end');
      this.clock.runNext();
    }
  }

  async #accept(connection: Connection): Promise<void> {
    this.#accepted++;
    await this.acceptor.accept(connection);
    this.#ended++;
  }
}

async function readAll(connection: Connection): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A connection that brings one request, and then takes and brings nothing until it is closed. */
class StuckConnection implements Connection {
  readonly remoteAddress = '10.0.0.9:1';
  readonly #request: Buffer;
  readonly #closed: Promise<null>;
  #isClosed = false;
  #close!: (end: null) => void;
  #reads = 0;

  constructor(request: Buffer) {
    this.#request = request;
    this.#closed = new Promise((resolve) => (this.#close = resolve));
  }

  read(): Promise<Buffer | null> {
    return this.#reads++ === 0 ? Promise.resolve(this.#request) : this.#closed;
  }
  async write(): Promise<void> {
    if (this.#isClosed) throw new Error('EPIPE');
    await this.#closed;
  }
  close(): void {
    this.#isClosed = true;
    this.#close(null);
  }
}

test('a ping for us, or for whoever gets it, is answered with its own number', async () => {
  const stage = await Stage.open();
  for (const [node, seqNo] of [
    ['target', 7],
    ['', 4_294_967_295],
    ['target', 0],
  ] as const) {
    assert.deepEqual(await stage.asked(ping(node, seqNo)), { type: 2, seqNo, payload: null });
  }
  assert.deepEqual(stage.host.drops, []);
  assert.equal(stage.running, 0);
});

test('a ping for another name is not answered, and counted', async () => {
  const stage = await Stage.open();
  assert.equal((await stage.ask(ping('target-2'))).length, 0);
  assert.deepEqual(stage.host.drops, ['misaddressed']);
  assert.equal(stage.clock.now(), 0);
});

test('a user message is handed on with its sender and not answered', async () => {
  const stage = await Stage.open();
  assert.equal((await stage.ask(encodeUserMessage(Buffer.from('hello')))).length, 0);
  const [[payload, from] = ['', '']] = stage.host.users;
  assert.equal(payload, 'hello');
  assert.match(from, /^10\.0\.0\.2:\d+$/);
});

test('a push/pull is answered with our state and then merged', async () => {
  const stage = await Stage.open();
  for (const join of [true, false]) {
    const answer = await stage.asked(encodePushPull({ join, ...theirs }));
    assert.deepEqual(answer, { type: 6, join, ...ours });
    assert.deepEqual(stage.host.merged.pop(), { type: 6, join, ...theirs });
  }
});

test('a push/pull that is objected to is answered with the objection and not merged', async () => {
  const stage = await Stage.open();
  stage.host.objection = new ProtocolError('this cluster is full');
  assert.deepEqual(await stage.asked(pushPull), { type: 13, error: 'this cluster is full' });
  assert.deepEqual(stage.host.merged, []);
  assert.deepEqual(stage.host.drops, ['incompatible']);
});

test('what could not be read is answered with an err that says what was wrong', async () => {
  const stage = await Stage.open();
  for (const [request, reason] of [
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'unknown-type'],
    [Buffer.from('00c1', 'hex'), 'malformed'],
    [Buffer.from('0681a54e6f646573ce00100001', 'hex'), 'too-large'],
    [Buffer.from('0affffffff', 'hex'), 'undecryptable'],
    [Buffer.from('0982a4416c676f07a3427566a0', 'hex'), 'bad-compression'],
  ] as const) {
    const answer = await stage.asked(request);
    assert.ok(answer?.type === 13);
    assert.equal(answer.error, stage.host.details.at(-1));
    assert.equal(stage.host.drops.at(-1), reason);
  }
  assert.equal(stage.clock.now(), 0);
});

test('with encryption, plaintext is refused and the err is encrypted', async () => {
  const layers = layersOf({ key: Buffer.alloc(16, 1) });
  const stage = await Stage.open(layers);
  const raw = await stage.ask(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  assert.equal(raw[0], 10);
  const answer = new StreamReader(layers, { expectLabel: false }).push(raw);
  assert.ok(answer?.type === 13);
  assert.deepEqual(stage.host.drops, ['undecryptable']);
  assert.equal((await stage.asked(wrapForStream(ping(''), layers), layers))?.type, 2);
});

test('who has another label learns nothing', async () => {
  const stage = await Stage.open(layersOf({ label: 'prod' }));
  for (const request of [ping(''), Buffer.from('f40474657374' + '0080', 'hex')]) {
    assert.equal((await stage.ask(request)).length, 0);
  }
  assert.deepEqual(stage.host.drops, ['bad-label', 'bad-label']);
  assert.equal(
    (await stage.asked(Buffer.concat([Buffer.from('f40470726f64', 'hex'), ping('')])))?.type,
    2,
  );
});

test('an answer as a request is dropped without an answer', async () => {
  const stage = await Stage.open();
  const ack = encodeMessage({ type: 2, seqNo: 7, payload: null });
  for (const request of [ack, encodeMessage({ type: 13, error: 'no' })]) {
    assert.equal((await stage.ask(request)).length, 0);
    assert.equal(stage.host.drops.at(-1), 'unknown-type');
  }
});

test('a peer that closes without a byte is nothing to talk about', async () => {
  const stage = await Stage.open();
  const connection = await stage.dial();
  connection.close();
  await stage.idle();
  assert.deepEqual(stage.host.drops, []);
  assert.equal(stage.clock.now(), 0);
});

test('a peer that closes in the middle of a request is counted as truncated, wherever', async () => {
  for (let length = 1; length < pushPull.length; length++) {
    const stage = await Stage.open();
    const connection = await stage.dial();
    await connection.write(pushPull.subarray(0, length));
    connection.close();
    await stage.idle();
    assert.deepEqual(stage.host.drops, ['truncated']);
    assert.deepEqual(stage.host.merged, []);
    assert.equal(stage.clock.now(), 0);
  }
});

test('a peer that sends one byte a second is cut off by the deadline', async () => {
  const stage = await Stage.open();
  const connection = await stage.dial();
  for (let i = 0; i < 30; i++) {
    const byte = pushPull.subarray(i, i + 1);
    stage.clock.setTimer(i * 1000, () => {
      connection.write(byte).catch(() => undefined);
    });
  }
  assert.equal((await stage.finish(readAll(connection))).length, 0);
  assert.equal(stage.clock.now(), 10_000);
  assert.deepEqual(stage.host.drops, ['timed-out']);
});

test('a peer that sends nothing is cut off by the deadline', async () => {
  const stage = await Stage.open();
  const connection = await stage.dial();
  assert.equal(await stage.finish(connection.read()), null);
  assert.equal(stage.clock.now(), 10_000);
  assert.deepEqual(stage.host.drops, ['timed-out']);
});

test('when the err cannot be sent, what was wrong is still what is counted', async () => {
  const stage = await Stage.open();
  const connection = new StuckConnection(Buffer.from('GET /'));
  connection.write = () => Promise.reject(new Error('EPIPE'));
  await stage.acceptor.accept(connection);
  assert.deepEqual(stage.host.drops, ['unknown-type']);
});

test('a stream that breaks, or a host that throws, never makes accept reject', async () => {
  const stage = await Stage.open();
  const connection = new StuckConnection(Buffer.alloc(0));
  connection.read = () => Promise.reject(new Error('ECONNRESET'));
  await stage.acceptor.accept(connection);
  stage.host.merge = () => {
    throw new TypeError('a bug');
  };
  assert.equal((await stage.asked(pushPull))?.type, 6);
  assert.deepEqual(stage.host.drops, ['broken', 'broken']);
});

// All of a push/pull may have come, with the answer under way, or just its first bytes.
for (const [what, request] of [
  ['being answered', pushPull],
  ['being received', pushPull.subarray(0, 5)],
] as const) {
  test(`the 129th push/pull at once is refused while 128 are ${what}`, async () => {
    const stage = await Stage.open();
    const stuck = Array.from({ length: 128 }, () => new StuckConnection(request));
    const accepted = stuck.map((connection) => stage.acceptor.accept(connection));
    await new Promise(setImmediate);
    const answer = await stage.asked(pushPull);
    assert.ok(answer?.type === 13);
    assert.match(answer.error, /too many/);
    assert.deepEqual(stage.host.drops, ['too-many-exchanges']);
    assert.deepEqual(stage.host.merged, []);
    assert.equal((await stage.asked(ping('target')))?.type, 2);
    assert.equal(limits.pushPullExchanges, 128);

    stuck[0]?.close();
    await accepted[0];
    assert.equal((await stage.asked(pushPull))?.type, 6);
    for (const connection of stuck) connection.close();
    await Promise.all(accepted);
  });
}
