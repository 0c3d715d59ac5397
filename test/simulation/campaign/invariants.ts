/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What must hold at every event, whatever goes wrong. Where the protocol cannot promise more, the
// reason is said.

import type { MembershipEvent, Node } from '../../../src/index.js';

/** An invariant does not hold. */
export class Violation extends Error {
  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`);
    this.name = 'Violation';
  }
}

/** What one observer was told of one name. */
interface View {
  state: 'unknown' | 'alive' | 'suspect' | 'gone';
  incarnation: number;
  address: string;
  goneAt: number;
  /** By the observer's own clock. */
  suspectedAt: number;
}

/** What is known of all lives of one name, from outside. */
interface Name {
  /** Where it lived. */
  readonly addresses: Set<string>;
  /** Whether one of its lives said that it leaves. */
  hasLeft: boolean;
}

/** What the watch needs to know of the world. */
export interface World {
  now(): number;
  /** By a node's own clock, which may have jumped. */
  clockOf(observer: string): number;
  isRunning(observer: string): boolean;
  /** The Memberlist's name of an observer, which two may share. */
  nameOf(observer: string): string;
  /** After this long the dead may be forgotten, and a name begins anew. */
  readonly gossipToTheDeadTime: number;
  /** No suspicion is shorter. */
  readonly shortestSuspicion: number;
}

/** A line of a node's log, as far as it says who found whom dead. */
export interface Verdict {
  readonly code?: string;
  readonly peer?: string;
  readonly by?: string;
}

/** Watches the events of all observers. */
export class EventWatch {
  readonly #world: World;
  readonly #views = new Map<string, Map<string, View>>();
  readonly #names = new Map<string, Name>();
  readonly #slandered = new Set<string>();
  /** Deaths that were told of nodes that ran at that time: allowed, but not in a calm network. */
  readonly falseDeaths: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** A life begins. */
  started(observer: string, name: string, address: string): void {
    this.#views.set(observer, new Map());
    this.#name(name).addresses.add(address);
  }

  /** A life says that it leaves. */
  leaves(name: string): void {
    this.#name(name).hasLeft = true;
  }

  /** Somebody is told a lie about a name, and may believe it for a while. */
  slandered(name: string): void {
    this.#slandered.add(name);
  }

  /** @throws Violation */
  event(observer: string, event: MembershipEvent): void {
    const who = `${observer} at ${this.#world.now()}`;
    if (!this.#world.isRunning(observer)) {
      throw new Violation('no events after a shutdown', `${who}: ${event.type}`);
    }
    switch (event.type) {
      case 'health':
        if (event.score >= 0 && event.score <= 7) return;
        throw new Violation('health is from 0 to 7', `${who}: ${event.score}`);
      case 'conflict':
        return this.#conflict(who, event.existing, event.other);
      default:
        return this.#about(observer, event);
    }
  }

  /**
   * What a node logs before it tells of it. Who finds somebody dead by itself must have suspected it
   * for its time: nobody takes a death second-hand for an own verdict.
   *
   * @throws Violation
   */
  logged(observer: string, { code, peer = '', by }: Verdict): void {
    if (code !== 'member-failed' || by !== this.#world.nameOf(observer)) return;
    const { state, suspectedAt } = this.#view(observer, peer);
    const who = `${observer} at ${this.#world.now()}: ${peer}`;
    if (state !== 'suspect') {
      throw new Violation('who is found dead was suspected', `${who} while it is ${state}`);
    }
    const waited = this.#world.clockOf(observer) - suspectedAt;
    if (waited < this.#world.shortestSuspicion - 1) {
      throw new Violation('a suspicion has its time', `${who} after ${waited} ms`);
    }
  }

  /** Only who was known at two addresses can be in conflict with itself. */
  #conflict(who: string, existing: Node, other: Node): void {
    const detail = `${who}: ${existing.name} at ${existing.address} and ${other.address}`;
    if (existing.name !== other.name || existing.address === other.address) {
      throw new Violation('a conflict is about one name at two addresses', detail);
    }
    const { addresses } = this.#name(existing.name);
    if (!addresses.has(existing.address) || !addresses.has(other.address)) {
      throw new Violation('a conflict only where two lived with one name', detail);
    }
  }

  #about(
    observer: string,
    event: Exclude<MembershipEvent, { type: 'health' } | { type: 'conflict' }>,
  ): void {
    const { node, type } = event;
    const who = `${observer} at ${this.#world.now()}: ${type} ${node.name}`;
    if (node.name === this.#world.nameOf(observer)) {
      throw new Violation('no events about oneself', who);
    }
    if (!this.#name(node.name).addresses.has(node.address)) {
      throw new Violation('only who lived somewhere is known there', `${who} ${node.address}`);
    }
    const view = this.#view(observer, node.name);
    this.#checkOrder(who, type, view);
    this.#checkIncarnation(who, type, node, view);
    if (event.type === 'leave') this.#checkReason(who, event.reason, node.name);
    view.incarnation = node.incarnation;
    view.address = node.address;
    if (type === 'leave') {
      view.state = 'gone';
      view.goneAt = this.#world.now();
    } else if (type === 'suspect') {
      view.state = 'suspect';
      view.suspectedAt = this.#world.clockOf(observer);
    } else if (type === 'recover' || type === 'join') view.state = 'alive';
  }

  /** join, (update | suspect, recover)*, leave, join … */
  #checkOrder(who: string, type: MembershipEvent['type'], { state }: View): void {
    const isKnown = state === 'alive' || state === 'suspect';
    const isFine =
      type === 'join'
        ? !isKnown
        : type === 'suspect'
          ? state === 'alive'
          : type === 'recover'
            ? state === 'suspect'
            : isKnown;
    if (!isFine)
      throw new Violation('events about a name alternate', `${who} while it is ${state}`);
  }

  /**
   * While a name is held its incarnation does not fall. It may begin anew where the name passed to
   * another address, or was forgotten.
   */
  #checkIncarnation(who: string, type: MembershipEvent['type'], node: Node, view: View): void {
    const isForgotten =
      view.state === 'unknown' ||
      (view.state === 'gone' && this.#world.now() - view.goneAt > this.#world.gossipToTheDeadTime);
    const isAnother = type === 'join' && node.address !== view.address;
    if (isForgotten || isAnother || node.incarnation >= view.incarnation) return;
    const fall = `${view.incarnation} to ${node.incarnation}`;
    throw new Violation('an incarnation never falls while the name is held', `${who} from ${fall}`);
  }

  #checkReason(who: string, reason: string, name: string): void {
    if (reason === 'left' && !this.#name(name).hasLeft) {
      throw new Violation('left only for a node that left', who);
    }
    if (reason === 'failed' && this.#isAlive(name) && !this.#slandered.has(name)) {
      this.falseDeaths.push(who);
    }
  }

  #isAlive(name: string): boolean {
    for (const observer of this.#views.keys()) {
      if (this.#world.nameOf(observer) === name && this.#world.isRunning(observer)) return true;
    }
    return false;
  }

  #view(observer: string, name: string): View {
    const views = this.#views.get(observer) ?? new Map<string, View>();
    this.#views.set(observer, views);
    const nothing = { incarnation: 0, address: '', goneAt: 0, suspectedAt: 0 };
    const view = views.get(name) ?? { state: 'unknown', ...nothing };
    views.set(name, view);
    return view;
  }

  #name(name: string): Name {
    const known = this.#names.get(name) ?? { addresses: new Set<string>(), hasLeft: false };
    this.#names.set(name, known);
    return known;
  }
}
