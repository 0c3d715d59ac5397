/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Records what happens in a simulated cluster: the most recent events for inspection, and a hash of everything,
// to check whether two runs were identical.

import { createHash } from 'node:crypto';
import type { Node } from '../core/member.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { NetworkTap, PacketOutcome } from './network-options.js';

/** One membership event, with its time and the node that observed it. */
export interface TraceEntry {
  /** Virtual milliseconds. */
  readonly at: number;
  /** The name of the observing node. */
  readonly observer: string;
  readonly event: MembershipEvent;
}

/** The kinds of record that are hashed. */
const record = { name: 0, event: 1, carried: 2, lost: 3, cut: 4, stream: 5, life: 6 } as const;
const bufferBytes = 64 * 1024;
/** Kind, time, two names, a length. */
const headerBytes = 1 + 8 + 4 + 4 + 4;
const noBytes = Buffer.alloc(0);

/** The trace of one cluster. */
export class Trace implements NetworkTap {
  readonly #now: () => number;
  readonly #isSealed: (from: string, to: string) => boolean;
  readonly #keep: number;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.alloc(bufferBytes);
  readonly #ids = new Map<string, number>();
  #filled = 0;
  readonly #ring: TraceEntry[] = [];
  #recorded = 0;

  /**
   * @param init.keep - the number of events that are kept
   * @param init.isSealed - whether traffic from one address to another is encrypted. Then its content is not
   *   hashed: nonces are not predictable, not even here
   */
  constructor(init: {
    now: () => number;
    keep: number;
    isSealed: (from: string, to: string) => boolean;
  }) {
    this.#now = init.now;
    this.#keep = init.keep;
    this.#isSealed = init.isSealed;
  }

  /** The number of events so far. */
  get recorded(): number {
    return this.#recorded;
  }

  /** The most recent events, oldest first. */
  entries(): TraceEntry[] {
    const oldest = this.#recorded % Math.max(1, this.#keep);
    if (this.#recorded <= this.#keep) return [...this.#ring];
    return [...this.#ring.slice(oldest), ...this.#ring.slice(0, oldest)];
  }

  /** SHA-256 of everything so far, in hexadecimal. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest('hex');
  }

  event(observer: string, event: MembershipEvent): void {
    const entry = { at: this.#now(), observer, event };
    if (this.#keep > 0) this.#ring[this.#recorded % this.#keep] = entry;
    this.#recorded++;
    const about = 'node' in event ? event.node.name : '';
    this.#write(record.event, observer, about, Buffer.from(textOf(event)));
  }

  /** A node started or ended. */
  lifecycle(name: string, what: string): void {
    this.#write(record.life, name, what, noBytes);
  }

  packet(packet: Buffer, from: string, to: string, outcome: PacketOutcome): void {
    this.#write(record[outcome], from, to, packet, this.#isSealed(from, to));
  }

  stream(data: Buffer, from: string, to: string): void {
    this.#write(record.stream, from, to, data, this.#isSealed(from, to));
  }

  /** The length separates a content from what follows, and is all that is hashed of encrypted content. */
  #write(kind: number, first: string, second: string, content: Buffer, isSecret = false): void {
    const [a, b] = [this.#idOf(first), this.#idOf(second)];
    const size = headerBytes + (isSecret ? 0 : content.length);
    if (this.#filled + size > bufferBytes) this.#flush();
    const buffer = this.#buffer;
    let at = this.#filled;
    buffer[at] = kind;
    // Whole microseconds: the last bit of a double can depend on the machine.
    buffer.writeDoubleLE(Math.round(this.#now() * 1000), at + 1);
    buffer.writeUInt32LE(a, at + 9);
    buffer.writeUInt32LE(b, at + 13);
    buffer.writeUInt32LE(content.length, at + 17);
    at += headerBytes;
    this.#filled = at;
    if (isSecret) return;
    if (size <= bufferBytes) {
      content.copy(buffer, at);
      this.#filled = at + content.length;
    } else {
      this.#flush();
      this.#hash.update(content);
    }
  }

  #idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    this.#flush();
    const id = this.#ids.size;
    this.#ids.set(name, id);
    this.#hash.update(`${record.name} ${id} ${JSON.stringify(name)}\n`);
    return id;
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

function textOf(event: MembershipEvent): string {
  switch (event.type) {
    case 'health':
      return `health ${event.score}`;
    case 'conflict':
      return `conflict ${textOfNode(event.existing)} ${textOfNode(event.other)}`;
    case 'leave':
      return `leave ${textOfNode(event.node)} ${event.reason}`;
    case 'update':
      return `update ${textOfNode(event.node)} ${event.previousMeta.toString('hex')}`;
    case 'refute':
      // The event's name when the first digests were recorded.
      return `recover ${textOfNode(event.node)}`;
    default:
      return `${event.type} ${textOfNode(event.node)}`;
  }
}

function textOfNode({ address, incarnation, state, meta, protocol }: Node): string {
  return `${address} ${incarnation} ${state} ${protocol.current} ${meta.toString('hex')}`;
}
