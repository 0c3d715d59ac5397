/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the bus guarantees, judged from outside: from what was published, what each node listed at that time, and what it
// received. The campaign and `npm run sim:bus` use the same rules.

import type { BusGap, BusMessage } from '../../../src/bus/index.js';
import { Reception } from './bus-reception.js';
import { Violation } from './violation.js';

/** A published message. */
export interface Publication {
  readonly seq: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly at: number;
  /** Members that are owed it, and how many of them have it. */
  owed: number;
  reached: number;
}

/** One incarnation of a node with a bus. */
export class BusLife {
  readonly key: string;
  readonly name: string;
  readonly startedAt: number;
  /** Its bus, by which it is identified. */
  readonly bootId: string;
  readonly address: string;
  isRunning = true;
  /** The addresses of other members that it lists, and that run the bus, by name. */
  readonly listed = new Map<string, string>();
  /** When a member left its list for the last time. */
  readonly delistedAt = new Map<string, number>();
  readonly published: Publication[] = [];
  readonly receptions = new Map<BusLife, Reception>();

  constructor(init: Pick<BusLife, 'key' | 'name' | 'address' | 'startedAt' | 'bootId'>) {
    this.key = init.key;
    this.name = init.name;
    this.address = init.address;
    this.startedAt = init.startedAt;
    this.bootId = init.bootId;
  }

  /** Whether it lists a node at its present address: not an earlier incarnation elsewhere. */
  lists({ name, address }: BusLife): boolean {
    return this.listed.get(name) === address;
  }

  /** What it has of a publisher. */
  from(publisher: BusLife): Reception {
    let reception = this.receptions.get(publisher);
    if (reception === undefined) this.receptions.set(publisher, (reception = new Reception()));
    return reception;
  }
}

/** What the rules depend on. */
export interface BusLedgerInit {
  now(): number;
  fail(error: Error): void;
  readonly retention: { readonly messages: number; readonly bytes: number; readonly age: number };
  /** How long a message may be on its way: it may reach a node that started meanwhile. */
  inFlightMs(publication: Publication): number;
  /** Whether clocks may have jumped, so that nothing is known about ages. */
  readonly clocksJump: boolean;
}

/** Memory of a retained message beyond its payload and its topic, at most. */
const overheadBytes = 300;
/** Age is measured when messages come and at intervals. */
const slackMs = 2_000;

/** The ledger of one run. */
export class BusLedger {
  readonly lives: BusLife[] = [];
  readonly #init: BusLedgerInit;
  readonly #boots = new Map<string, BusLife>();
  readonly #running = new Map<string, BusLife>();
  /** Names that two nodes had at a time: members cannot distinguish them. */
  readonly #twins = new Set<string>();
  deliveries = 0;
  gaps = 0;

  constructor(init: BusLedgerInit) {
    this.#init = init;
  }

  /** An incarnation of a node with a bus began. The one before has ended. */
  started(
    key: string,
    { name, address, bootId }: Pick<BusLife, 'name' | 'address' | 'bootId'>,
  ): BusLife {
    this.ended(key);
    const life = new BusLife({ key, name, address, bootId, startedAt: this.#init.now() });
    for (const other of this.#running.values()) if (other.name === name) this.#twins.add(name);
    this.lives.push(life);
    this.#running.set(key, life);
    this.#boots.set(bootId, life);
    return life;
  }

  ended(key: string): void {
    const life = this.#running.get(key);
    if (life !== undefined) life.isRunning = false;
    this.#running.delete(key);
  }

  /** Whether two members had the same address: packets of one are then those of the other, for who lists the other there. */
  shareAddress(one: string, other: string): boolean {
    const addresses = new Set(
      this.lives.filter(({ name }) => name === one).map(({ address }) => address),
    );
    return this.lives.some(({ name, address }) => name === other && addresses.has(address));
  }

  /** Two nodes have this name. */
  isTwin(name: string): boolean {
    return this.#twins.has(name);
  }

  /** Another node without a bus has this name, too. */
  addTwin(name: string): void {
    this.#twins.add(name);
  }

  running(): IterableIterator<BusLife> {
    return this.#running.values();
  }

  life(key: string): BusLife | undefined {
    return this.#running.get(key);
  }

  /** A node lists a member that runs the bus, or lists it no longer: no address. */
  listed(key: string, member: string, address: string | undefined): void {
    const life = this.#running.get(key);
    if (life === undefined || member === life.name) return;
    if (address !== undefined) life.listed.set(member, address);
    else if (life.listed.delete(member)) life.delistedAt.set(member, this.#init.now());
  }

  /** A node publishes: all members with which it lists each other are owed the message. */
  published(life: BusLife, topic: string, payload: Buffer): Publication {
    const seq = life.published.length + 1;
    const at = this.#init.now();
    const publication: Publication = { seq, topic, payload, at, owed: 0, reached: 0 };
    life.published.push(publication);
    life.from(life).owe(seq);
    if (this.#twins.has(life.name)) return publication;
    for (const other of this.#running.values()) {
      if (other === life || this.#twins.has(other.name)) continue;
      if (!life.lists(other) || !other.lists(life)) continue;
      other.from(life).owe(seq);
      publication.owed++;
    }
    return publication;
  }

  /** A node's subscriber receives a message. */
  delivered(life: BusLife, message: BusMessage): Publication | undefined {
    const { bootId, seq, topic, payload, publisher: name, id } = message;
    const publisher = this.#boots.get(bootId);
    const publication = publisher?.published[seq - 1];
    const where = (): string => `${life.key} at ${this.#init.now()}, ${id} of ${name}`;
    const isRight =
      publisher?.name === name &&
      publication?.topic === topic &&
      publication.payload.equals(payload) &&
      id === `${bootId}:${seq}`;
    if (publisher === undefined || publication === undefined || !isRight) {
      this.#fail('a message arrives as it was published', where());
      return undefined;
    }
    this.deliveries++;
    const reception = life.from(publisher);
    const { next } = reception;
    if (next !== undefined && seq < next) {
      this.#fail(
        'a message is delivered once, in the order of its publisher',
        `${where()}, before ${next}`,
      );
      return publication;
    }
    if (publisher !== life && reception.isOwed(seq)) publication.reached++;
    const lost = reception.delivered(seq);
    if (lost !== undefined) {
      this.#fail('no message is lost without a gap', `${where()}, and ${lost} is missing`);
    }
    const late = life.startedAt - publication.at - this.#init.inFlightMs(publication);
    if (late > 0) {
      this.#fail('a new member starts at its join', `${where()}, ${late} ms before its start`);
    }
    return publication;
  }

  /** A node is told that messages are lost. */
  gap(life: BusLife, { publisher: name, bootId, missed }: BusGap): void {
    this.gaps++;
    const where = `${life.key} at ${this.#init.now()}, ${missed ?? 'unknown'} of ${name} ${bootId ?? ''}`;
    if (bootId === undefined) return this.#gapOfUnheard(life, { name, missed, where });
    const publisher = this.#boots.get(bootId);
    if (publisher?.name !== name) return this.#fail('a gap names a publisher', where);
    const reception = life.from(publisher);
    if (missed === undefined) {
      if (publisher.isRunning && !this.#hasDelisted(life, name) && !this.#twins.has(name)) {
        this.#fail('a gap has a cause', `${where}, which was always listed`);
      }
      return reception.excuse(publisher.published.length);
    }
    const first = reception.next;
    if (!Number.isInteger(missed) || missed < 1) this.#fail('a gap names its size', where);
    const last = reception.missed(missed);
    if (last !== undefined && last > publisher.published.length) {
      return this.#fail('a gap names its size', `${where}, of ${publisher.published.length}`);
    }
    if (first !== undefined) this.#checkCause(life, publisher, { last: last ?? 0, where });
  }

  /** In the end every running node has what it is owed. */
  settled(): void {
    for (const life of this.#running.values()) {
      for (const [publisher, reception] of life.receptions) {
        const lost = reception.outstanding;
        if (lost === undefined) continue;
        const { at } = publisher.published[lost - 1] as Publication;
        const what = `${life.key} never received ${lost} of ${publisher.published.length} of ${publisher.key}`;
        this.#fail('no message is lost without a gap', `${what}, published at ${at}`);
      }
    }
  }

  /** Whether a member has delivered a message of a publisher to its subscribers. */
  hasDelivered(name: string, publisher: BusLife, seq: number): boolean {
    return this.lives.some((life) => life.name === name && life.from(publisher).has(seq));
  }

  #gapOfUnheard(
    life: BusLife,
    { name, missed, where }: { name: string; missed: number | undefined; where: string },
  ): void {
    if (missed !== undefined) this.#fail('a gap names its size', where);
    for (const publisher of this.lives) {
      if (publisher.name !== name) continue;
      const reception = life.from(publisher);
      if (reception.next === undefined) reception.excuse(publisher.published.length);
    }
  }

  // Messages are given up when they are retained no longer, or when their publisher is gone.
  #checkCause(life: BusLife, publisher: BusLife, gap: { last: number; where: string }): void {
    const { retention, clocksJump } = this.#init;
    const { name, published } = publisher;
    if (clocksJump || !publisher.isRunning || this.#twins.has(name)) return;
    if (this.#hasDelisted(life, name)) return;
    const last = published[gap.last - 1] as Publication;
    const later = published.slice(gap.last - 1);
    const bytes = later.reduce((sum, each) => sum + each.payload.length + overheadBytes, 0);
    const isOld = this.#init.now() - last.at > retention.age - slackMs;
    if (isOld || later.length > retention.messages || bytes > retention.bytes) return;
    this.#fail('a gap has a cause', `${gap.where}, although its publisher retains them`);
  }

  #hasDelisted(life: BusLife, name: string): boolean {
    return life.delistedAt.has(name);
  }

  #fail(rule: string, detail: string): void {
    this.#init.fail(new Violation(rule, detail));
  }
}
