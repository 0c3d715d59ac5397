/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node on real sockets under attack, with close monitoring: the time and memory of each turn of its event
// loop, its drops with their reasons, and its membership, which must not change. One peer is in its cluster.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import {
  Keyring,
  localConfig,
  Memberlist,
  NetTransport,
  type Clock,
  type MemberlistConfig,
} from '../../src/index.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { GossipCipher } from '../../src/security/aes-gcm.js';
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.js';
import { Label } from '../../src/wire/label.js';
import { MessageType } from '../../src/wire/message-type.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { StreamReader, type StreamLayers } from '../../src/wire/stream-codec.js';

export const MiB = 1024 * 1024;
export const host = '127.0.0.1';
const noSource = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };

/** The node sends nothing by itself, so that the test causes all traffic. */
const silent: MemberlistConfig = {
  ...localConfig(),
  probeInterval: 0,
  gossipInterval: 0,
  pushPullInterval: 0,
  settleAfterJoin: false,
};

/** The longest turn, by wall clock or CPU time, whichever is less: the machine has other load. */
class Turns {
  longestMs = 0;
  mostBytes = 0;

  reset(): void {
    this.longestMs = 0;
    this.mostBytes = 0;
  }

  watch(work: () => void): void {
    const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
    const before = process.memoryUsage().arrayBuffers;
    work();
    const { user, system } = process.cpuUsage(cpu);
    const tookMs = Math.min(performance.now() - startedAt, (user + system) / 1000);
    this.longestMs = Math.max(this.longestMs, tookMs);
    this.mostBytes = Math.max(this.mostBytes, process.memoryUsage().arrayBuffers - before);
  }
}

/** The node, its peer, and all observations of the node. */
export class Target implements AsyncDisposable {
  readonly turns = new Turns();
  readonly errors: string[] = [];
  readonly messages: Buffer[] = [];
  readonly #drops = new Map<string, number>();
  readonly #rejections: unknown[] = [];
  readonly #recordFailure = (failure: unknown): void => void this.#rejections.push(failure);
  node!: Memberlist;
  peer!: Memberlist;
  #before = '';

  static async start({ clock = systemClock, ...config }: MemberlistConfig = {}): Promise<Target> {
    const target = new Target();
    process.on('uncaughtExceptionMonitor', target.#recordFailure);
    process.on('unhandledRejection', target.#recordFailure);
    const { turns } = target;
    const watched: Clock = {
      now: () => clock.now(),
      setTimer: (ms, callback) => clock.setTimer(ms, () => turns.watch(callback)),
      afterTurn: (callback) => clock.afterTurn(() => turns.watch(callback)),
    };
    const transport = new NetTransport({ bindAddr: host, bindPort: 0, clock: watched });
    const start = transport.start.bind(transport);
    transport.start = (handlers) =>
      start({
        packet: (...args) => turns.watch(() => handlers.packet(...args)),
        stream: (connection) => handlers.stream(connection),
      });
    const { label, secretKey } = config;
    const key = secretKey === undefined ? {} : { secretKey };
    target.node = await Memberlist.create({
      ...silent,
      name: 'target',
      transport,
      clock: watched,
      logger: { debug: (_, fields) => target.#countDrop(fields), ...target.#others },
      metrics: false,
      ...config,
    });
    const bind = { bindAddr: host, bindPort: 0 };
    target.peer = await Memberlist.create({ ...silent, ...bind, name: 'peer', label, ...key });
    await target.peer.join([target.address]);
    target.node.on('message', (payload) => target.messages.push(payload));
    target.#before = target.#view();
    turns.reset();
    return target;
  }

  get address(): string {
    return this.node.localNode.address;
  }

  get port(): number {
    return this.node.localNode.port;
  }

  /** The number of drops for this reason, according to the log: complete after the shutdown of the node. */
  dropped(reason: string): number {
    return this.#drops.get(reason) ?? 0;
  }

  /** Asserts that the cluster is unchanged and works, and that there were no unhandled errors. */
  async assertUnharmed(): Promise<void> {
    assert.equal(this.#view(), this.#before);
    assert.ok((await this.peer.ping('target', this.address)) >= 0);
    await this.peer.join([this.address]);
    assert.equal(this.#view(), this.#before);
    await new Promise(setImmediate);
    assert.deepEqual(this.#rejections, []);
    assert.deepEqual(this.errors, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer.shutdown();
    await this.node.shutdown();
    process.off('uncaughtExceptionMonitor', this.#recordFailure);
    process.off('unhandledRejection', this.#recordFailure);
  }

  get #others() {
    const recordError = (message: string): void => void this.errors.push(message);
    return { info: () => undefined, warn: () => undefined, error: recordError };
  }

  #countDrop(fields: object | undefined): void {
    if (fields === undefined || !('reason' in fields)) return;
    const others = 'suppressed' in fields ? Number(fields.suppressed) : 0;
    const reason = String(fields.reason);
    this.#drops.set(reason, this.dropped(reason) + 1 + others);
  }

  #view(): string {
    const row = (list: Memberlist): string =>
      list
        .members()
        .map(({ name, state, address }) => `${name} ${state} ${address}`)
        .sort()
        .join();
    return `${row(this.node)} / ${row(this.peer)}`;
  }
}

/** Sends datagrams to a target, and detects when it has handled them. */
export class PacketSender implements AsyncDisposable {
  readonly #socket = dgram.createSocket('udp4');
  readonly #codec = new PacketCodec(layersOf());
  readonly #target: Target;
  #seqNo = 0x4000_0000;
  #acked: (seqNo: number) => void = () => undefined;

  private constructor(target: Target) {
    this.#target = target;
    this.#socket.on('message', (packet) => {
      this.#codec.decode(packet, (buf, from, to) => {
        if (buf[from] !== MessageType.ackResp) return;
        const ack = decodeMessage(buf, from, to);
        if (ack.type === MessageType.ackResp) this.#acked(ack.seqNo);
      });
    });
  }

  static async open(target: Target): Promise<PacketSender> {
    const sender = new PacketSender(target);
    sender.#socket.bind(0, host);
    await once(sender.#socket, 'listening');
    return sender;
  }

  /** Sends one packet, then pings until an ack arrives: by then the packet is handled. */
  async deliver(packet: Buffer): Promise<void> {
    await this.#send(packet);
    const seqNo = this.#seqNo++;
    const ping = encodeMessage({ type: MessageType.ping, seqNo, node: 'target', ...noSource });
    const answered = new Promise<void>((resolve) => {
      this.#acked = (acked) => acked === seqNo && resolve();
    });
    await this.#send(ping);
    // A flood of acks may have filled our socket's buffer.
    const again = setInterval(() => void this.#send(ping), 500);
    await answered;
    clearInterval(again);
    // Queued messages have been handled.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #send(packet: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const { port } = this.#target;
      this.#socket.send(packet, port, host, (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** A stream to a target, from any local address. */
export class RawStream {
  readonly socket: net.Socket;
  readonly #chunks: Buffer[] = [];
  readonly #closed: Promise<unknown>;
  isClosed = false;

  constructor(target: Target, localAddress = '127.0.0.66') {
    const where = { host, port: target.port, localAddress };
    // Half-open, so that the target closes it.
    this.socket = net.connect({ ...where, allowHalfOpen: true });
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk) => this.#chunks.push(chunk));
    this.#closed = new Promise<void>((resolve) => {
      const closed = (): void => {
        this.isClosed = true;
        resolve();
      };
      this.socket.once('end', closed);
      this.socket.once('close', closed);
    });
  }

  async connected(): Promise<this> {
    if (this.socket.connecting) await Promise.race([once(this.socket, 'connect'), this.#closed]);
    return this;
  }

  /** The complete answer, once the target has closed its side. */
  async answer(): Promise<Buffer> {
    await this.#closed;
    return Buffer.concat(this.#chunks);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Sends bytes on a new stream; returns the answer and its time. */
export async function ask(
  target: Target,
  request: Buffer,
): Promise<{ answer: Buffer; tookMs: number }> {
  const startedAt = performance.now();
  const stream = new RawStream(target);
  stream.socket.write(request);
  const answer = await stream.answer();
  stream.destroy();
  return { answer, tookMs: performance.now() - startedAt };
}

/** The text of an err message from a target. */
export function errorIn(answer: Buffer, key?: Buffer): string {
  const message = new StreamReader(layersOf(key), { expectLabel: false }).push(answer);
  assert.ok(message?.type === MessageType.err, `an answer of type ${message?.type}`);
  return message.error;
}

/** The layers of a cluster with this key and no label. */
export function layersOf(key?: Buffer): StreamLayers {
  const rules = { version: 1, verifyIncoming: true, verifyOutgoing: true } as const;
  const cipher = key && new GossipCipher({ keyring: new Keyring(key), ...rules });
  return { label: new Label({ label: '', skipInboundCheck: false }), cipher, compress: false };
}
