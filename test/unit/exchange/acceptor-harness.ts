/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node that accepts streams, in virtual time and memory, and peers that dial it.
import assert from 'node:assert/strict';
import { StreamTraffic } from '../../../src/core/counters.js';
import type { ProtocolError } from '../../../src/errors.js';
import { Acceptor, type AcceptorHost } from '../../../src/exchange/acceptor.js';
import { GossipCipher } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { MemoryNetwork, VirtualClock } from '../../../src/testing/index.js';
import type { Connection } from '../../../src/transport/transport.js';
import { Label } from '../../../src/wire/label.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import {
  encodePushPull,
  StreamReader,
  type PushPull,
  type StreamLayers,
  type StreamMessage,
} from '../../../src/wire/stream-codec.js';
import { Pacer } from '../../../src/exchange/pacer.js';
import { StreamMemory } from '../../../src/exchange/stream-memory.js';
import type { Memory } from '../../../src/wire/memory.js';
import type { Sliced } from '../../../src/wire/sliced.js';
import { slicedResult } from './sliced-result.js';

const noSource = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
const row = { addr: Buffer.of(10, 0, 0, 1), port: 1, meta: null, incarnation: 1, state: 0, vsn };
export const ours = { records: [{ ...row, name: 'ours' }], userState: Buffer.from('our state') };
export const theirs = {
  records: [{ ...row, name: 'theirs' }],
  userState: Buffer.from('their state'),
};
export const pushPull = encodePushPull({ join: true, ...theirs });

export function ping(node: string, seqNo = 7): Buffer {
  return encodeMessage({ type: 0, seqNo, node, ...noSource });
}

/** A node that only accepts streams and records the calls. */
export class Host implements AcceptorHost {
  readonly name = 'target';
  readonly drops: string[] = [];
  readonly details: string[] = [];
  readonly merged: PushPull[] = [];
  readonly users: [payload: string, from: string][] = [];
  /** Unexpected exceptions of the library. */
  readonly failures: unknown[] = [];
  readonly foreign: [theirs: string, ours: string][] = [];
  objection: ProtocolError | undefined;
  allowsIp: (ip: string) => boolean = () => true;
  /** Encodes the answer to a push/pull. */
  makeState: (join: boolean, memory: Memory) => Sliced<Buffer> = (join) =>
    slicedResult(encodePushPull({ join, ...ours }));

  localState(join: boolean, memory: Memory): Sliced<Buffer> {
    return this.makeState(join, memory);
  }
  objectionTo(): Sliced<ProtocolError | undefined> {
    return slicedResult(this.objection);
  }
  merge(remote: PushPull): Sliced<undefined> {
    return slicedResult(() => void this.merged.push(remote));
  }
  userMessage(payload: Buffer, { addr }: { addr: string }): void {
    this.users.push([payload.toString(), addr]);
  }
  dropped(_from: string, reason: string, detail: string): void {
    this.drops.push(reason);
    this.details.push(detail);
  }
  failed(_from: string, error: unknown): void {
    this.failures.push(error);
  }
  foreignLabel(_from: string, theirs: string, ours: string): void {
    this.foreign.push([theirs, ours]);
  }
}

export function layersOf({ label = '', key }: { label?: string; key?: Buffer } = {}): StreamLayers {
  const keyring = key && new Keyring(key);
  const rules = { version: 1, verifyIncoming: true, verifyOutgoing: true } as const;
  return {
    label: new Label({ label, skipInboundCheck: false }),
    cipher: keyring && new GossipCipher({ keyring, ...rules }),
    compress: false,
  };
}

/** A peer that dials and a target that accepts, in virtual time. */
export class Harness {
  readonly clock = new VirtualClock();
  readonly host = new Host();
  readonly acceptor: Acceptor;
  readonly traffic = new StreamTraffic();
  readonly #network = new MemoryNetwork({ clock: this.clock });
  readonly #peer = this.#network.transport('peer', { addr: '10.0.0.2:7946' });
  #accepted = 0;
  #ended = 0;

  private constructor(layers: StreamLayers, pool: StreamMemory, maxStreams: number | undefined) {
    const { clock, host, traffic } = this;
    this.acceptor = new Acceptor(
      { host, clock, layers, pool, traffic, pacer: new Pacer({ clock }) },
      { timeoutMs: 10_000, maxStreams },
    );
  }

  static async open(
    layers = layersOf(),
    { pool = new StreamMemory(), maxStreams }: { pool?: StreamMemory; maxStreams?: number } = {},
  ): Promise<Harness> {
    const harness = new Harness(layers, pool, maxStreams);
    const packet = (): void => assert.fail('no packets here');
    const target = harness.#network.transport('target', { addr: '10.0.0.1:7946' });
    await target.start({ packet, stream: (connection) => void harness.#accept(connection) });
    await harness.#peer.start({ packet, stream: () => assert.fail('no node dials the peer') });
    return harness;
  }

  /** The streams that the acceptor still handles. */
  get running(): number {
    return this.#accepted - this.#ended;
  }

  dial(): Promise<Connection> {
    return this.finish(this.#peer.dial({ addr: '10.0.0.1:7946' }, { timeout: 1_000 }));
  }

  /** Sends bytes; resolves to everything that the acceptor sends until it closes. */
  async ask(request: Buffer): Promise<Buffer> {
    const connection = await this.dial();
    await connection.write(request);
    return this.finish(readAll(connection));
  }

  /** Like `ask`, with the answer decoded as one message. */
  async asked(request: Buffer, layers = layersOf()): Promise<StreamMessage | undefined> {
    return new StreamReader(layers, { expectLabel: false }).push(await this.ask(request));
  }

  /** Advances virtual time until the promise is settled. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    await this.#until(() => settled);
    return promise;
  }

  /** Advances virtual time until the acceptor has finished all streams. */
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

export async function readAll(connection: Connection): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A connection that sends one request, and then neither reads nor sends until it is closed. */
export class StuckConnection implements Connection {
  readonly remoteAddress: string;
  readonly #request: Buffer;
  readonly #closed: Promise<null>;
  #isClosed = false;
  #close!: (end: null) => void;
  #reads = 0;

  constructor(request: Buffer, remoteAddress = '10.0.0.9:1') {
    this.#request = request;
    this.remoteAddress = remoteAddress;
    this.#closed = new Promise((resolve) => (this.#close = resolve));
  }

  read(): Promise<Buffer | null> {
    return this.#reads++ === 0 ? Promise.resolve(this.#request) : this.#closed;
  }
  async write(): Promise<void> {
    if (this.#isClosed) throw new Error('EPIPE');
    await this.#closed;
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }
  /** Whether it was ended without delivering pending data. */
  isDestroyed = false;
  destroy(): void {
    this.isDestroyed = true;
    this.close();
  }
  close(): void {
    this.#isClosed = true;
    this.#close(null);
  }
}
