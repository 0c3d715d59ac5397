/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The invariants of events, under any faults. A comment gives the reason where the protocol cannot promise more;
// docs/CAMPAIGN.md lists all of them.

import type { MemberState, MembershipEvent, Node } from '../../../src/index.js';
import { Violation } from './violation.js';

/** What the events told one observer about one name. */
interface View {
  state: MemberState | 'unknown';
  incarnation: number;
  address: string;
  meta: Buffer;
  /** By the observer's own clock, like the next two. */
  goneAt: number;
  suspectedAt: number;
  /** The number of members with which it computed the suspicion timeout. */
  members: number;
  /** The row that was last checked, without an event since: the same row is not checked again. */
  row: Node | undefined;
  /** The number of the check of the table in which that was. */
  look: number;
}

/** What the campaign knows about all lives of one name. */
interface Name {
  /** All its addresses. */
  readonly addresses: Set<string>;
  /** The number of its lives. */
  lives: number;
  /** The incarnations in which its lives announced a leave. */
  readonly leaves: Set<number>;
  /** Whether its last life left, and did not return. */
  hasLeft: boolean;
}

/** What the watch needs to know about the run. */
export interface World {
  now(): number;
  /** By a node's own clock, which may have jumped. */
  clockOf(observer: string): number;
  isRunning(observer: string): boolean;
  /** The Memberlist's name of an observer, which two may share. */
  nameOf(observer: string): string;
  /** The number of members with which an observer computes the timeout of a suspicion that begins now. */
  membersOf(observer: string): number;
  /** The row of a name in an observer's table. */
  rowOf(observer: string, name: string): Node | undefined;
  /** After this time dead members may be removed, and a name begins anew. */
  readonly gossipToTheDeadTime: number;
  /** The shortest timeout of a suspicion. */
  suspicionMs(members: number, confirmations: number): number;
}

/** What a node reports when a member is found dead. */
export interface Verdict {
  /** The dead member. */
  readonly peer: string;
  /** The node that declared it dead. */
  readonly by: string;
  readonly confirmations?: number;
}

/** Watches the events of all observers. */
export class EventWatch {
  readonly #world: World;
  readonly #views = new Map<string, Map<string, View>>();
  readonly #names = new Map<string, Name>();
  readonly #namesAt = new Map<string, Set<string>>();
  readonly #own = new Map<string, number>();
  readonly #slandered = new Set<string>();
  /** The incarnation of each member in which an observer declared it dead. */
  readonly #verdicts = new Map<string, number>();
  readonly #bereaved = new Set<string>();
  #looks = 0;
  /**
   * Leave events with the reason `failed` of nodes that ran at that time. Allowed, as an unreachable node cannot be
   * distinguished from a dead one (SWIM, section 3), but not in a calm network.
   */
  readonly falseDeaths: string[] = [];
  /**
   * Those of them that the node had not refuted by then. A refutation is sent a few times only, and none of them may
   * reach the accuser.
   */
  readonly unrefutedDeaths: string[] = [];
  /** Failures of nodes that had left: allowed where the leave was lost. */
  readonly unheardLeaves: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Registers a life. */
  started(observer: string, name: string, address: string): void {
    this.#views.set(observer, new Map());
    this.#own.delete(observer);
    this.#bereaved.delete(observer);
    const known = this.#name(name);
    this.#livesAt(name, address);
    known.lives++;
    known.hasLeft = false;
  }

  /** Registers a forged member. Events about it need not be true, but must be as consistent as all others. */
  forged(name: string, address: string, hasLeft: boolean): void {
    const known = this.#name(name);
    this.#livesAt(name, address);
    known.lives++;
    if (hasLeft) this.leaves(name, 1);
  }

  /** The names that nodes had at an address, forged ones included. */
  namesAt(address: string): ReadonlySet<string> {
    return this.#namesAt.get(address) ?? new Set();
  }

  #livesAt(name: string, address: string): void {
    this.#name(name).addresses.add(address);
    const names = this.#namesAt.get(address);
    if (names === undefined) this.#namesAt.set(address, new Set([name]));
    else names.add(name);
  }

  /** Registers a leave in this incarnation. */
  leaves(name: string, incarnation: number): void {
    const known = this.#name(name);
    known.leaves.add(incarnation);
    known.hasLeft = true;
  }

  /** A leave that began is announced in this incarnation; the extensions delayed it. */
  leavesIn(name: string, incarnation: number): void {
    this.#name(name).leaves.add(incarnation);
  }

  /** Registers the return of a node that had left. */
  returned(name: string): void {
    this.#name(name).hasLeft = false;
  }

  /** Registers a false claim about a name, which nodes may believe for a while. */
  slandered(name: string): void {
    this.#slandered.add(name);
  }

  /** Whether an observer got a leave event in this life. */
  hasLostSomebody(observer: string): boolean {
    return this.#bereaved.has(observer);
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
        throw new Violation('the health score is from 0 to 7', `${who}: ${event.score}`);
      case 'conflict':
        return this.#conflict(who, event.existing, event.other);
      default:
        return this.#about(observer, event);
    }
  }

  /**
   * A report of a failed member, before its event. A node that declares a member dead must have suspected it for the
   * whole timeout: a claim of another node is no verdict of its own. This holds for names with one life only: a claim
   * of a twin, or of an earlier life, in the name of this node is accepted like any other claim, and a claim about an
   * earlier life may be taken for one about this life.
   *
   * @throws Violation
   */
  foundDead(observer: string, { peer, by, confirmations = 0 }: Verdict): void {
    if (by !== this.#world.nameOf(observer)) return;
    if (this.#name(by).lives > 1 || this.#name(peer).lives > 1) return;
    const { state, suspectedAt, members, incarnation } = this.#view(observer, peer);
    const who = `${observer} at ${this.#world.now()}: ${peer}`;
    const verdict = `${observer} ${peer}`;
    if (state !== 'suspect') {
      // Its own claim can return after it has reaped the member and met it again, unrefuted, in the same incarnation.
      if (this.#verdicts.get(verdict) === incarnation) return;
      throw new Violation(
        'a member that is declared dead was suspected',
        `${who} while it is ${state}`,
      );
    }
    const waited = this.#world.clockOf(observer) - suspectedAt;
    const shortest = this.#world.suspicionMs(members, confirmations);
    if (waited < shortest - 1) {
      const confirmed = `${confirmations} confirmations among ${members}`;
      throw new Violation(
        'a suspicion lasts for its timeout',
        `${who} after ${waited} of ${shortest} ms, with ${confirmed}`,
      );
    }
    this.#verdicts.set(verdict, incarnation);
  }

  /**
   * An observer's table matches the events of the observer: no member appears, disappears or changes without an event.
   * Only the incarnation may be higher: a claim that changes nothing else emits no event.
   *
   * @throws Violation
   */
  table(observer: string, rows: Iterable<Node>): void {
    const self = this.#world.nameOf(observer);
    const who = `${observer} at ${this.#world.now()}`;
    const views = this.#viewsOf(observer);
    const look = ++this.#looks;
    let others = 0;
    for (const row of rows) {
      if (row.name === self) {
        this.#checkOwn(observer, who, row);
        continue;
      }
      others++;
      const view = this.#view(observer, row.name);
      if (view.row !== row) this.#checkRow(who, row, view);
      view.row = row;
      view.look = look;
    }
    if (others === views.size) return;
    for (const [name, view] of views) {
      if (view.look === look) continue;
      this.#checkForgotten(observer, `${who}: ${name}`, view);
      views.delete(name);
    }
  }

  /** No node lists itself as dead, and no node decreases its own incarnation. */
  #checkOwn(observer: string, who: string, { name, state, incarnation }: Node): void {
    const before = this.#own.get(observer) ?? 0;
    if (incarnation < before) {
      throw new Violation(
        'the own incarnation never decreases',
        `${who}: ${before} to ${incarnation}`,
      );
    }
    this.#own.set(observer, incarnation);
    const isFine = state === 'alive' || (state === 'left' && this.#name(name).leaves.size > 0);
    if (!isFine) throw new Violation('no node considers itself dead', `${who}: ${state}`);
  }

  #checkRow(who: string, row: Node, view: View): void {
    const { name, state, incarnation, address, meta } = row;
    if (state !== view.state || address !== view.address || !meta.equals(view.meta)) {
      const told = `it was told ${view.state} at ${view.address} with "${view.meta.toString()}"`;
      const says = `the table says ${state} at ${address} with "${meta.toString()}"`;
      throw new Violation('a table matches the events', `${who}: of ${name} ${told}, ${says}`);
    }
    if (incarnation < view.incarnation) throw fallen(`${who}: ${name}`, view, incarnation);
    view.incarnation = incarnation;
  }

  #checkForgotten(observer: string, who: string, view: View): void {
    if (view.state === 'unknown') return;
    if (view.state === 'alive' || view.state === 'suspect') {
      throw new Violation('a table matches the events', `${who} is ${view.state} and not in it`);
    }
    if (!this.#isForgettable(observer, view)) {
      throw new Violation('dead members are kept for their time', `${who} is not in the table`);
    }
  }

  /** A conflict is about a name that was used at two addresses. */
  #conflict(who: string, existing: Node, other: Node): void {
    const detail = `${who}: ${existing.name} at ${existing.address} and ${other.address}`;
    if (existing.name !== other.name || existing.address === other.address) {
      throw new Violation('a conflict is about one name at two addresses', detail);
    }
    const { addresses } = this.#name(existing.name);
    if (!addresses.has(existing.address) || !addresses.has(other.address)) {
      throw new Violation('a conflict only where two nodes had one name', detail);
    }
  }

  #about(
    observer: string,
    event: Exclude<MembershipEvent, { type: 'health' } | { type: 'conflict' }>,
  ): void {
    const { node, type } = event;
    const who = `${observer} at ${this.#world.now()}: ${type} ${node.name}`;
    if (node.name === this.#world.nameOf(observer)) {
      throw new Violation('no events about the node itself', who);
    }
    if (!this.#name(node.name).addresses.has(node.address)) {
      throw new Violation('a member is listed only at its addresses', `${who} ${node.address}`);
    }
    const view = this.#view(observer, node.name);
    this.#checkOrder(who, type, view);
    this.#checkIncarnation(observer, who, type, node, view);
    this.#checkTold(observer, who, node);
    if (event.type === 'leave') this.#checkReason(who, event.reason, node);
    this.#take(observer, type, node, view);
  }

  #take(observer: string, type: MembershipEvent['type'], node: Node, view: View): void {
    view.row = undefined;
    view.incarnation = node.incarnation;
    view.address = node.address;
    view.meta = node.meta;
    view.state = node.state;
    if (type === 'leave') {
      view.goneAt = this.#world.clockOf(observer);
      this.#bereaved.add(observer);
    } else if (type === 'suspect') {
      view.suspectedAt = this.#world.clockOf(observer);
      view.members = this.#world.membersOf(observer);
    }
  }

  /** join, (update | suspect, recover)*, leave, join … */
  #checkOrder(who: string, type: MembershipEvent['type'], { state }: View): void {
    const isKnown = state === 'alive' || state === 'suspect';
    const isFine =
      type === 'join'
        ? !isKnown
        : type === 'suspect'
          ? state === 'alive'
          : type === 'refute'
            ? state === 'suspect'
            : isKnown;
    if (!isFine)
      throw new Violation('events about a name alternate', `${who} while it is ${state}`);
  }

  /**
   * While an observer holds a name its incarnation does not decrease. It may begin anew when the name moved to another
   * address or was removed: a node that restarts knows nothing about its earlier lives.
   */
  #checkIncarnation(
    observer: string,
    who: string,
    type: MembershipEvent['type'],
    node: Node,
    view: View,
  ): void {
    const isAnother = type === 'join' && node.address !== view.address;
    if (view.state === 'unknown' || isAnother || this.#isForgettable(observer, view)) return;
    if (node.incarnation < view.incarnation) throw fallen(who, view, node.incarnation);
  }

  /** An event matches the table, which is complete when the event is emitted. */
  #checkTold(observer: string, who: string, node: Node): void {
    const row = this.#world.rowOf(observer, node.name);
    if (row?.state === node.state && row.incarnation === node.incarnation) return;
    const says = row ? `${row.state} ${row.incarnation}` : 'nothing';
    const told = `it is told ${node.state} ${node.incarnation}`;
    throw new Violation('a table matches the events', `${who}: ${told}, the table says ${says}`);
  }

  /**
   * `left` is accepted for an incarnation in which a node of this name announced it. (Any node of this name: the
   * protocol identifies nodes by their names only.)
   */
  #checkReason(who: string, reason: string, { name, incarnation }: Node): void {
    const { leaves, hasLeft } = this.#name(name);
    if (reason === 'left' && !leaves.has(incarnation)) {
      throw new Violation('left only for a node that left', `${who} in incarnation ${incarnation}`);
    }
    if (reason !== 'failed' || this.#slandered.has(name)) return;
    if (hasLeft) this.unheardLeaves.push(who);
    else if (this.#isAlive(name)) {
      this.falseDeaths.push(who);
      if (!this.#hasRefuted(name, incarnation)) this.unrefutedDeaths.push(who);
    }
  }

  /** Whether a running node of this name has a higher incarnation by now. */
  #hasRefuted(name: string, incarnation: number): boolean {
    for (const observer of this.#views.keys()) {
      if (this.#world.nameOf(observer) !== name || !this.#world.isRunning(observer)) continue;
      if ((this.#world.rowOf(observer, name)?.incarnation ?? 0) > incarnation) return true;
    }
    return false;
  }

  #isForgettable(observer: string, { state, goneAt }: View): boolean {
    if (state !== 'dead' && state !== 'left') return false;
    // By the observer's own clock: after a jump of its clock it removes members sooner.
    return this.#world.clockOf(observer) - goneAt > this.#world.gossipToTheDeadTime;
  }

  #isAlive(name: string): boolean {
    for (const observer of this.#views.keys()) {
      if (this.#world.nameOf(observer) === name && this.#world.isRunning(observer)) return true;
    }
    return false;
  }

  #view(observer: string, name: string): View {
    const views = this.#viewsOf(observer);
    let view = views.get(name);
    if (view === undefined) views.set(name, (view = newView()));
    return view;
  }

  #viewsOf(observer: string): Map<string, View> {
    let views = this.#views.get(observer);
    if (views === undefined) this.#views.set(observer, (views = new Map<string, View>()));
    return views;
  }

  #name(name: string): Name {
    let known = this.#names.get(name);
    if (known === undefined) {
      known = { addresses: new Set(), lives: 0, leaves: new Set(), hasLeft: false };
      this.#names.set(name, known);
    }
    return known;
  }
}

function newView(): View {
  const times = { goneAt: 0, suspectedAt: 0, members: 0 };
  const seen = { row: undefined, look: 0 };
  return {
    state: 'unknown',
    incarnation: 0,
    address: '',
    meta: Buffer.alloc(0),
    ...times,
    ...seen,
  };
}

function fallen(who: string, { incarnation }: View, now: number): Violation {
  const fall = `from ${incarnation} to ${now}`;
  return new Violation('an incarnation never decreases while the name is held', `${who} ${fall}`);
}
