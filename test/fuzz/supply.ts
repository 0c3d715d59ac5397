/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Draws mutants for one cluster, excludes those that a node rightly accepts, counts the marks that they
// reach, and keeps the last ones.
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { StreamReader, type StreamLayers } from '../../src/wire/stream-codec.js';
import { changesMembership } from './believable.js';
import { ForgedMembers } from './forged-members.js';
import type { Cluster } from './cluster.js';
import { Dice } from './dice.js';
import { examinePacket, examineStream, type Examination } from './examine.js';
import { Found } from './finding.js';
import type { Item } from './item-file.js';
import { layersOf } from './lane.js';
import { PacketMutants } from './packet-mutants.js';
import { messagesAbout, placeOf, requestsAbout } from './seeds.js';
import { isRequest, StreamMutants, type StreamMutant } from './stream-mutants.js';

const remembered = 64;
/** Maximum bytes of kept items in addition to the last one: tables of forged members are long. */
const rememberedBytes = 4 * 1024 * 1024;
/**
 * The fuzzer decodes a table of 200,000 members in one turn, too: with real time the two nodes would miss
 * pings.
 */
const largestTable = { memory: 200_000, sockets: 3_000 } as const;

/** A supply of mutants. */
export class Supply {
  /** The marks of the mutants, with their numbers. */
  readonly marks = new Map<string, number>();
  readonly dice: Dice;
  readonly #cluster: Cluster;
  readonly #layers: StreamLayers;
  readonly #packets: PacketMutants;
  readonly #streams: StreamMutants;
  readonly #recent: Item[] = [];
  #recentBytes = 0;

  constructor(cluster: Cluster, seed: string) {
    this.#cluster = cluster;
    this.#layers = layersOf(cluster.lane);
    this.dice = new Dice(seed);
    const { dice } = this;
    const { lane, target, peer } = cluster;
    const where = { target: target.localNode.address, peer: peer.localNode.address };
    const unused = cluster.entrance === 'memory' ? '10.250.0.1:7946' : '127.250.0.1:7946';
    const forgedMembers = new ForgedMembers({
      dice,
      places: [unused, where.target, where.peer].map(placeOf),
      largest: largestTable[cluster.entrance],
    });
    const captured = cluster.taps.flatMap(({ packets }) => packets);
    const messages = [...messagesAbout(where), ...this.#messagesIn(captured)];
    this.#packets = new PacketMutants(
      { dice, lane, forgedMembers, seeds: { messages, packets: captured } },
      cluster.sequences,
    );
    const streams = cluster.taps.flatMap((tap) => tap.streams.map((each) => Buffer.concat(each)));
    const requests = [...requestsAbout(where), ...streams.filter(isRequest)];
    this.#streams = new StreamMutants({ dice, lane, forgedMembers, seeds: { requests, streams } });
  }

  /** The last items, oldest first. */
  get recent(): readonly Item[] {
    return this.#recent;
  }

  packet(): Buffer {
    for (;;) {
      const packet = this.#packets.next();
      if (this.#isFit(packet, () => examinePacket(packet, this.#layers))) return packet;
    }
  }

  stream(): StreamMutant {
    for (;;) {
      const mutant = this.#streams.next();
      const bytes = Buffer.concat(mutant.pieces);
      if (!this.#isFit(mutant, () => examineStream(bytes, this.#layers))) continue;
      this.#mark(`stream ${mutant.end}`);
      return mutant;
    }
  }

  /** The type of the message that answers a stream; undefined without a complete answer. */
  answer(written: readonly Buffer[]): number | undefined {
    if (written.length === 0) return undefined;
    return new StreamReader(this.#layers, { expectLabel: false }).push(Buffer.concat(written))
      ?.type;
  }

  // The examination itself may produce a finding.
  #isFit(item: Item, examine: () => Examination): boolean {
    let examination: Examination;
    try {
      examination = examine();
    } catch (error) {
      const { lane } = this.#cluster;
      throw new Found({ kind: 'a throw', detail: String(error), lane, items: [item] });
    }
    if (changesMembership(examination.messages)) return false;
    for (const mark of examination.marks) this.#mark(mark);
    this.#recent.push(item);
    this.#recentBytes += bytesOf(item);
    while (
      this.#recent.length > remembered ||
      (this.#recent.length > 1 && this.#recentBytes > rememberedBytes)
    ) {
      this.#recentBytes -= bytesOf(this.#recent.shift() as Item);
    }
    return true;
  }

  /** Drops the kept items. */
  forget(): void {
    this.#recent.length = 0;
    this.#recentBytes = 0;
  }

  #mark(mark: string): void {
    this.marks.set(mark, (this.marks.get(mark) ?? 0) + 1);
  }

  #messagesIn(packets: readonly Buffer[]): Buffer[] {
    const codec = new PacketCodec(this.#layers);
    const messages: Buffer[] = [];
    for (const packet of packets) {
      codec.decode(packet, (buf, start, end) => {
        messages.push(Buffer.from(buf.subarray(start, end)));
      });
    }
    return messages;
  }
}

function bytesOf(item: Item): number {
  const pieces = Buffer.isBuffer(item) ? [item] : item.pieces;
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
