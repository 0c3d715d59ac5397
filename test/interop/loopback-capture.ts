/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What crosses the loopback interface, captured by tcpdump: independent of our code. Streams are put together from their
// segments.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

/** A datagram. Addresses are `'ip:port'`. */
export interface CapturedPacket {
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
}

/** A TCP connection: the bytes of both directions. */
export interface CapturedStream {
  /** The side that opened it. */
  readonly client: string;
  readonly server: string;
  readonly toServer: Buffer;
  readonly toClient: Buffer;
}

/** Everything that was captured. */
export interface Traffic {
  readonly packets: readonly CapturedPacket[];
  readonly streams: readonly CapturedStream[];
}

const listening = 'listening on lo';
const bufferKiB = 32_768;
/** tcpdump reads a block of packets a second after its first one, at the latest. */
const blockMs = 1_500;
const checkMs = 2_000;
const rights = 'run as root, or `setcap cap_net_raw+ep $(command -v tcpdump)`';

/** @returns why this machine captures nothing; undefined when it does */
export function captureProblem(): string | undefined {
  const args = ['-i', 'lo', '-c', '1', '-w', '/dev/null', 'udp port 9'];
  const { stderr, error } = spawnSync('tcpdump', args, { timeout: checkMs, encoding: 'utf8' });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return 'tcpdump is missing';
  if (stderr.includes(listening)) return undefined;
  return `tcpdump does not capture on lo (${stderr.trim()}); ${rights}`;
}

/** A capture of the loopback interface. */
export class LoopbackCapture {
  readonly #tcpdump: ChildProcess;
  readonly #chunks: Buffer[] = [];
  #messages = '';

  private constructor(filter: string) {
    const args = ['-i', 'lo', '-n', '-s', '0', '-B', `${bufferKiB}`, '-U', '-w', '-', filter];
    this.#tcpdump = spawn('tcpdump', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#tcpdump.stdout?.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#tcpdump.stderr?.on('data', (chunk: Buffer) => (this.#messages += chunk.toString()));
  }

  /**
   * Starts it; resolves when it captures.
   *
   * @param filter - what is captured, as in pcap-filter(7)
   * @throws when tcpdump is missing or may not capture
   */
  static async start(filter: string): Promise<LoopbackCapture> {
    const capture = new LoopbackCapture(filter);
    await new Promise<void>((resolve, reject) => {
      const child = capture.#tcpdump;
      child.once('error', reject);
      child.once('exit', () =>
        reject(new Error(`tcpdump captures nothing (${capture.#messages}); ${rights}`)),
      );
      child.stderr?.on('data', () => {
        if (capture.#messages.includes(listening)) resolve();
      });
    });
    return capture;
  }

  /**
   * Ends it.
   *
   * @throws when a packet was lost: what it contained is unknown
   */
  async stop(): Promise<Traffic> {
    await wait(blockMs);
    await this.kill('SIGINT');
    const dropped = /(\d+) packets? dropped by kernel/.exec(this.#messages)?.[1];
    if (dropped !== '0') throw new Error(`the capture is not complete: ${this.#messages}`);
    return trafficIn(Buffer.concat(this.#chunks));
  }

  /** Ends the process; does nothing when it has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#tcpdump;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }
}

const magic = 0xa1b2c3d4;
const fileHeaderBytes = 24;
const recordHeaderBytes = 16;
const ethernet = 1;
const ethernetBytes = 14;
const tcp = 6;
const udp = 17;
const udpHeaderBytes = 8;

/** The contents of a pcap file of Ethernet frames with IPv4. */
function trafficIn(file: Buffer): Traffic {
  if (file.readUInt32LE(0) !== magic || file.readUInt32LE(20) !== ethernet) {
    throw new Error('not a pcap file of Ethernet frames in little-endian order');
  }
  const packets: CapturedPacket[] = [];
  const streams = new Streams();
  let at = fileHeaderBytes;
  while (at < file.length) {
    const start = at + recordHeaderBytes;
    const [captured, length] = [file.readUInt32LE(at + 8), file.readUInt32LE(at + 12)];
    if (captured !== length) throw new Error(`${captured} of ${length} bytes were captured`);
    at = start + captured;
    const ip = file.subarray(start + ethernetBytes, at);
    // A fragment has no ports.
    if ((ip.readUInt16BE(6) & 0x3fff) !== 0) throw new Error('a fragment of an IP packet');
    const payload = ip.subarray(((ip[0] as number) & 0xf) * 4, ip.readUInt16BE(2));
    const from = `${ip.subarray(12, 16).join('.')}:${payload.readUInt16BE(0)}`;
    const to = `${ip.subarray(16, 20).join('.')}:${payload.readUInt16BE(2)}`;
    if (ip[9] === udp) packets.push({ from, to, bytes: payload.subarray(udpHeaderBytes) });
    else if (ip[9] === tcp) streams.add(from, to, payload);
  }
  return { packets, streams: streams.all };
}

const syn = 0x02;
const ack = 0x10;

/** TCP connections. */
class Streams {
  readonly #all: { client: string; server: string; toServer: Direction; toClient: Direction }[] =
    [];
  /** By sender and receiver. A pair of addresses can be used again. */
  readonly #directions = new Map<string, Direction>();

  get all(): CapturedStream[] {
    return this.#all.map(({ client, server, toServer, toClient }) => {
      return { client, server, toServer: toServer.bytes, toClient: toClient.bytes };
    });
  }

  add(from: string, to: string, segment: Buffer): void {
    const flags = segment[13] as number;
    const sequence = segment.readUInt32BE(4);
    if ((flags & (syn | ack)) === syn) {
      const [toServer, toClient] = [new Direction(), new Direction()];
      this.#all.push({ client: from, server: to, toServer, toClient });
      this.#directions.set(`${from} ${to}`, toServer).set(`${to} ${from}`, toClient);
    }
    const direction = this.#directions.get(`${from} ${to}`);
    const data = segment.subarray(((segment[12] as number) >> 4) * 4);
    if ((flags & syn) !== 0) direction?.begin(sequence + 1);
    else if (direction !== undefined) direction.add(sequence, data);
    else if (data.length > 0) throw new Error(`a stream from ${from} to ${to} without a beginning`);
  }
}

/** One direction of a connection. */
class Direction {
  readonly #segments: { at: number; data: Buffer }[] = [];
  #first = 0;

  begin(sequence: number): void {
    this.#first = sequence;
  }

  add(sequence: number, data: Buffer): void {
    // Keep-alive probes have the number before the next one.
    const at = (sequence - this.#first) | 0;
    if (at >= 0 && data.length > 0) this.#segments.push({ at, data });
  }

  /** @throws when a segment is missing */
  get bytes(): Buffer {
    const parts: Buffer[] = [];
    let end = 0;
    for (const { at, data } of [...this.#segments].sort((a, b) => a.at - b.at)) {
      if (at > end) throw new Error(`${at - end} bytes of a stream are missing`);
      const isNew = data.subarray(end - at);
      parts.push(isNew);
      end += isNew.length;
    }
    return Buffer.concat(parts);
  }
}
