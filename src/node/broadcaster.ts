/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The application's broadcasts. A receiver cannot distinguish a broadcast from a message to itself alone, so no receiver
// passes it on: gossip of one node would reach only a few random members (`retransmitMult` × ⌈log10(n + 1)⌉ of them).
// Therefore the sender sends it to each member, with a ping in the same packet. The ack shows that the packet arrived;
// a member that does not answer gets the packet again.
//
// Broadcasts go in waves: messages queued during one wave form the next. A node holds one list of members, and each
// message once, however many are queued.
import type { Engine } from '../core/engine.js';
import type { Clock } from '../core/ports.js';
import type { PingResult } from '../core/probe/pinger.js';
import type { Report } from '../core/reports.js';
import { limits } from '../wire/limits.js';
import { encodeMessage } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';

/** What broadcasting needs of the node. */
export interface BroadcastComponents {
  readonly engine: Pick<Engine, 'table' | 'self' | 'ping' | 'broadcastBudget'>;
  readonly clock: Pick<Clock, 'afterTurn'>;
  readonly report: (report: Report) => void;
}

/** One wave in progress. */
interface Wave {
  readonly messages: Map<string | number, Buffer>;
  readonly members: readonly string[];
  next: number;
  underWay: number;
}

/** Sends the broadcasts of one node. */
export class Broadcaster {
  readonly #node: BroadcastComponents;
  /** By name, or by number without one; in the order of sending. */
  readonly #waiting = new Map<string | number, Buffer>();
  #waitingBytes = 0;
  #nextNumber = 0;
  #wave: Wave | undefined;
  #isScheduled = false;
  #isStopped = false;

  constructor(components: BroadcastComponents) {
    this.#node = components;
  }

  /** Queues a message. It replaces an earlier one of the same name for all members to which that has not been sent yet. */
  add(payload: Uint8Array, name?: string): void {
    const message = Buffer.concat([Buffer.of(MessageType.user), payload]);
    const key = name ?? this.#nextNumber++;
    this.#takeOut(key);
    this.#waiting.set(key, message);
    this.#waitingBytes += message.length;
    // Members that the wave has not reached yet get the new message in this wave.
    if (this.#wave?.messages.has(key) === true) this.#wave.messages.set(key, message);
    this.#evict();
    this.#schedule();
  }

  /** Stops sending. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#wave = undefined;
  }

  #takeOut(key: string | number): void {
    this.#waitingBytes -= this.#waiting.get(key)?.length ?? 0;
    this.#waiting.delete(key);
  }

  #evict(): void {
    let count = 0;
    for (const key of this.#waiting.keys()) {
      const isOver =
        this.#waiting.size > limits.userBroadcasts ||
        this.#waitingBytes > limits.userBroadcastBytes;
      if (!isOver) break;
      this.#takeOut(key);
      count++;
    }
    if (count > 0) this.#node.report({ code: 'user-broadcasts-evicted', count });
  }

  /** Broadcasts of one turn of the event loop go in one wave. */
  #schedule(): void {
    if (this.#isScheduled || this.#wave !== undefined) return;
    this.#isScheduled = true;
    this.#node.clock.afterTurn(() => {
      this.#isScheduled = false;
      this.#begin();
    });
  }

  #begin(): void {
    if (this.#isStopped || this.#wave !== undefined || this.#waiting.size === 0) return;
    this.#wave = {
      messages: new Map(this.#waiting),
      members: this.#peers(),
      next: 0,
      underWay: 0,
    };
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#goOn(this.#wave);
  }

  #goOn(wave: Wave): void {
    if (this.#wave !== wave) return;
    while (wave.underWay < limits.userBroadcastsUnanswered && wave.next < wave.members.length) {
      const name = wave.members[wave.next++] as string;
      wave.underWay++;
      this.#send(wave, name, [...wave.messages.values()]);
    }
    if (wave.underWay > 0) return;
    this.#wave = undefined;
    if (this.#waiting.size > 0) this.#schedule();
  }

  /** Sends all messages to a member, one packet at a time. */
  #send(wave: Wave, name: string, messages: readonly Buffer[]): void {
    const { engine } = this.#node;
    const group = messages.slice(0, this.#fitting(messages, this.#roomBesidePing(name)));
    const rest = messages.slice(group.length);
    const ended = (): void => {
      wave.underWay--;
      this.#goOn(wave);
    };
    const attempt = (left: number): void => {
      if (this.#isStopped) return;
      const member = engine.table.get(name);
      if (member === undefined || member.isGone) return ended();
      const done = (result: PingResult): void => {
        if (this.#isStopped) return;
        const isAnswered = 'roundTripMs' in result;
        if (!isAnswered && left > 1) attempt(left - 1);
        // The member does not answer; the failure detector decides about it.
        else if (!isAnswered || rest.length === 0) ended();
        else this.#send(wave, name, rest);
      };
      engine.ping({ node: name, addr: member.address }, done, group);
    };
    attempt(limits.userBroadcastAttempts);
  }

  /** The other members that are alive or suspect. */
  #peers(): string[] {
    const { table, self } = this.#node.engine;
    const names: string[] = [];
    for (const { isGone, name } of table) if (!isGone && name !== self.name) names.push(name);
    return names;
  }

  /** Bytes of messages that fit into one packet with a ping to this member. */
  #roomBesidePing(name: string): number {
    const { self, broadcastBudget } = this.#node.engine;
    return broadcastBudget - encodeMessage(self.ping(0xffffffff, name)).length;
  }

  /** How many of the first messages fit into the ping's packet; at least 1, which otherwise goes in a packet of its own. */
  #fitting(messages: readonly Buffer[], room: number): number {
    let used = 0;
    for (const [i, { length }] of messages.entries()) {
      used += length + BYTES_OF_PART;
      if (used > room) return Math.max(1, i);
    }
    return messages.length;
  }
}

/** In a compound packet, two bytes of length precede each message. */
const BYTES_OF_PART = 2;
