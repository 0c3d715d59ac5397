/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node on real sockets that is watched closely while somebody means it harm: how long each turn of
// its event loop takes, what memory a turn takes, what it drops and why, and that nobody's
// membership changes. A friend of its cluster lives beside it.
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

/** Nothing is sent by itself, so that whatever happens was caused by the test. */
const mute: MemberlistConfig = {
  ...localConfig(),
  probeInterval: 0,
  gossipInterval: 0,
  pushPullInterval: 0,
  settleAfterJoin: false,
};

/** What the longest turn was, by the clock or by the CPU, whichever is less: others share the machine. */
class Turns {
  longestMs = 0;
  mostBytes = 0;

  forget(): void {
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

/** The node, its friend, and what was seen of the node. */
export class Target implements AsyncDisposable {
  readonly turns = new Turns();
  readonly errors: string[] = [];
  readonly messages: Buffer[] = [];
  readonly #drops = new Map<string, number>();
  readonly #rejections: unknown[] = [];
  readonly #note = (failure: unknown): void => void this.#rejections.push(failure);
  node!: Memberlist;
  friend!: Memberlist;
  #before = '';

  static async start({ clock = systemClock, ...config }: MemberlistConfig = {}): Promise<Target> {
    const target = new Target();
    process.on('uncaughtExceptionMonitor', target.#note);
    process.on('unhandledRejection', target.#note);
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
        packet: (...came) => turns.watch(() => handlers.packet(...came)),
        stream: (connection) => handlers.stream(connection),
      });
    const { label, secretKey } = config;
    const key = secretKey === undefined ? {} : { secretKey };
    target.node = await Memberlist.create({
      ...mute,
      name: 'target',
      transport,
      clock: watched,
      logger: { debug: (_, fields) => target.#noteReason(fields), ...target.#others },
      metrics: false,
      ...config,
    });
    const bind = { bindAddr: host, bindPort: 0 };
    target.friend = await Memberlist.create({ ...mute, ...bind, name: 'friend', label, ...key });
    await target.friend.join([target.address]);
    target.node.on('message', (payload) => target.messages.push(payload));
    target.#before = target.#view();
    turns.forget();
    return target;
  }

  get address(): string {
    return this.node.localNode.address;
  }

  get port(): number {
    return this.node.localNode.port;
  }

  /** How often something was dropped for this reason, as the log tells: once the node is down, all. */
  dropped(reason: string): number {
    return this.#drops.get(reason) ?? 0;
  }

  /** The cluster is as it was, goes on, and nothing went wrong unseen. */
  async assertUnharmed(): Promise<void> {
    assert.equal(this.#view(), this.#before);
    assert.ok((await this.friend.ping('target', this.address)) >= 0);
    await this.friend.join([this.address]);
    assert.equal(this.#view(), this.#before);
    await new Promise(setImmediate);
    assert.deepEqual(this.#rejections, []);
    assert.deepEqual(this.errors, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.friend.shutdown();
    await this.node.shutdown();
    process.off('uncaughtExceptionMonitor', this.#note);
    process.off('unhandledRejection', this.#note);
  }

  get #others() {
    const note = (message: string): void => void this.errors.push(message);
    return { info: () => undefined, warn: () => undefined, error: note };
  }

  #noteReason(fields: object | undefined): void {
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
    return `${row(this.node)} / ${row(this.friend)}`;
  }
}

/** Sends datagrams to a target, and knows when it has handled them. */
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

  /** Sends one packet, and then a ping until it is answered: by then the packet is handled. */
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
    // What waited for its turn had it.
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

/** A stream to a target, from any of our addresses. */
export class RawStream {
  readonly socket: net.Socket;
  readonly #chunks: Buffer[] = [];
  readonly #closed: Promise<unknown>;
  isClosed = false;

  constructor(target: Target, localAddress = '127.0.0.66') {
    const where = { host, port: target.port, localAddress };
    // Half-open, so that it is the target who ends it.
    this.socket = net.connect({ ...where, allowHalfOpen: true });
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk) => this.#chunks.push(chunk));
    this.#closed = new Promise<void>((resolve) => {
      const over = (): void => {
        this.isClosed = true;
        resolve();
      };
      this.socket.once('end', over);
      this.socket.once('close', over);
    });
  }

  async connected(): Promise<this> {
    if (this.socket.connecting) await Promise.race([once(this.socket, 'connect'), this.#closed]);
    return this;
  }

  /** All that the target says, once it has closed its side. */
  async answer(): Promise<Buffer> {
    await this.#closed;
    return Buffer.concat(this.#chunks);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Sends bytes on a stream of their own; what comes back, and how long that took. */
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

/** The text of the err message that a target answered. */
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
