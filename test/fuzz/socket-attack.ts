/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The realistic attack: packets and streams over UDP and TCP on the loopback interface. It sends packets in
// bursts and waits for the ack of a ping after each, so that no buffer overflows and all packets arrive.
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { noBytes } from '../../src/wire/messages.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import type { Attack } from './attack.js';
import type { Cluster } from './cluster.js';
import type { Guard } from './guard.js';
import { layersOf } from './lane.js';
import { TARGET } from './seeds.js';
import type { StreamMutant } from './stream-mutants.js';
import type { Supply } from './supply.js';

const host = '127.0.0.1';
const burstPackets = 50;
const burstBytes = 60_000;
const streamsAtOnce = 8;
const streamDeadlineMs = 20_000;
const pingTries = 20;
const pingDeadlineMs = 500;
const settleMs = 1_000;

/** Attacks a cluster over real sockets. */
export class SocketAttack implements Attack {
  readonly slowestStreamMs = 0;
  readonly #cluster: Cluster;
  readonly #supply: Supply;
  readonly #guard: Guard;
  readonly #codec: PacketCodec;
  readonly #socket = dgram.createSocket('udp4');
  #seqNo = 0x4000_0000;
  #waiting: ((seqNo: number) => void) | undefined;
  #packetsSent = 0;

  private constructor(parts: { cluster: Cluster; supply: Supply; guard: Guard }) {
    this.#cluster = parts.cluster;
    this.#supply = parts.supply;
    this.#guard = parts.guard;
    this.#codec = new PacketCodec(layersOf(parts.cluster.lane));
    this.#socket.on('message', (packet) => {
      this.#codec.decode(packet, (buf, start, end) => {
        if (buf[start] !== MessageType.ackResp) return;
        const message = decodeMessage(buf, start, end);
        if (message.type === MessageType.ackResp) this.#waiting?.(message.seqNo);
      });
    });
  }

  static async open(parts: {
    cluster: Cluster;
    supply: Supply;
    guard: Guard;
  }): Promise<SocketAttack> {
    const attack = new SocketAttack(parts);
    attack.#socket.bind(0, host);
    await once(attack.#socket, 'listening');
    return attack;
  }

  /** The share of the packets that arrived. */
  get arrived(): number {
    const { address, port } = this.#socket.address();
    const count = this.#cluster.taps[0].counts.get(`${address}:${port}`) ?? 0;
    return count / Math.max(1, this.#packetsSent);
  }

  async packets(count: number): Promise<void> {
    for (let made = 0; made < count;) {
      for (let bytes = 0, burst = 0; burst < burstPackets && bytes < burstBytes; burst++) {
        if (made++ === count) break;
        const packet = this.#supply.packet();
        bytes += packet.length;
        await this.#send(packet);
      }
      await this.#acked();
      this.#look();
    }
  }

  async streams(count: number): Promise<void> {
    let opened = 0;
    const open = async (): Promise<void> => {
      while (opened++ < count) await this.#stream(this.#supply.stream());
    };
    await Promise.all(Array.from({ length: streamsAtOnce }, open));
    this.#look();
  }

  settle(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, settleMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    return Promise.resolve();
  }

  #look(): void {
    const [tap] = this.#cluster.taps;
    const { ms, packet } = tap.slowest;
    const again = (): number => tap.inject(packet, { addr: `${host}:9` }, performance.now());
    this.#guard.timed(ms, again, packet);
    tap.slowest = { ms: 0, packet: noBytes };
    this.#guard.check(this.#supply.recent);
  }

  /** Resolves when the target has answered a ping, and so handled everything that was sent before. */
  async #acked(): Promise<void> {
    const source = { sourceAddr: noBytes, sourcePort: 0, sourceNode: '' };
    for (let tries = 0; tries < pingTries; tries++) {
      const seqNo = this.#seqNo++;
      const ping = encodeMessage({ type: MessageType.ping, seqNo, node: TARGET, ...source });
      let timer: NodeJS.Timeout | undefined;
      const answered = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), pingDeadlineMs);
        this.#waiting = (acked) => acked === seqNo && resolve(true);
      });
      await this.#send(this.#codec.encode([ping], { checksum: false }));
      const isAnswered = await answered;
      clearTimeout(timer);
      if (isAnswered) return;
    }
    this.#guard.found('an unresponsive node', 'it answers no ping any more', this.#supply.recent);
  }

  #send(packet: Buffer): Promise<void> {
    this.#packetsSent++;
    const { port } = this.#cluster.target.localNode;
    return new Promise((resolve, reject) => {
      this.#socket.send(packet, port, host, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** One stream, until the socket is closed. Stalls become breaks here, since time is real. */
  async #stream({ pieces, end }: StreamMutant): Promise<void> {
    const { port } = this.#cluster.target.localNode;
    const socket = net.connect({ host, port, allowHalfOpen: true });
    const closed = new Promise<boolean>((resolve) => socket.on('close', () => resolve(true)));
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.resume();
    for (const piece of pieces) socket.write(piece);
    if (end === 'ends') socket.end();
    else socket.write('', () => socket.destroy());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), streamDeadlineMs);
    });
    const isClosed = await Promise.race([closed, late]);
    clearTimeout(timer);
    if (isClosed) return;
    socket.destroy();
    this.#guard.found('a stream without end', 'it was never closed', this.#supply.recent);
  }
}
