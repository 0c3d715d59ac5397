/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Counts what is sent, in total and by transport.

/** What one transport or all of them sent. Includes data that was lost, or that no node read. */
export interface Traffic {
  /** Packets. */
  readonly packets: number;
  /** Bytes in those packets, without IP and UDP headers. */
  readonly packetBytes: number;
  /** Streams that were opened, including failed attempts. */
  readonly streams: number;
  /** Bytes written to streams, at either end. */
  readonly streamBytes: number;
}

/** A running count. */
class TrafficCount implements Traffic {
  packets = 0;
  packetBytes = 0;
  streams = 0;
  streamBytes = 0;

  /** A copy of the current count. */
  snapshot(): Traffic {
    const { packets, packetBytes, streams, streamBytes } = this;
    return { packets, packetBytes, streams, streamBytes };
  }
}

/** The traffic of a network: in total, and by the name of the sending transport. */
export class TrafficCounters {
  readonly #total = new TrafficCount();
  readonly #byName = new Map<string, TrafficCount>();
  /** The counts of the transports that run, or ran last, at each address. */
  readonly #byAddr = new Map<string, TrafficCount>();

  /** Adds a name. Transports with the same name share a count. */
  addName(name: string): void {
    if (!this.#byName.has(name)) this.#byName.set(name, new TrafficCount());
  }

  /** From now on, traffic from an address counts for a name. */
  assign(addr: string, name: string): void {
    const count = this.#byName.get(name);
    if (count) this.#byAddr.set(addr, count);
  }

  countPacket(from: string, bytes: number): void {
    for (const count of this.#countsOf(from)) {
      count.packets++;
      count.packetBytes += bytes;
    }
  }

  countStream(from: string): void {
    for (const count of this.#countsOf(from)) count.streams++;
  }

  countStreamBytes(from: string, bytes: number): void {
    for (const count of this.#countsOf(from)) count.streamBytes += bytes;
  }

  /** A copy of all counts. */
  snapshot(): Traffic & { readonly byNode: Readonly<Record<string, Traffic>> } {
    const byNode = Array.from(this.#byName, ([name, count]) => [name, count.snapshot()] as const);
    return { ...this.#total.snapshot(), byNode: Object.fromEntries(byNode) };
  }

  #countsOf(from: string): readonly TrafficCount[] {
    const own = this.#byAddr.get(from);
    return own ? [this.#total, own] : [this.#total];
  }
}
