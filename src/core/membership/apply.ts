/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The only writer of member state. Claims about members come here, whoever made them; the judges
// say what is to be done, and this does it: state first, then broadcasts and timers, and the user's
// callbacks last, when the state is whole.
import { MessageType } from '../../wire/message-type.js';
import {
  noBytes,
  type AliveClaim,
  type DeadClaim,
  type SuspectClaim,
} from '../../wire/messages.js';
import { copyForUsers } from '../../wire/shared-bytes.js';
import type { Forgotten } from './forgotten.js';
import type { CoreContext } from '../context.js';
import type { DropReason } from '../counters.js';
import type { LocalHealth } from '../lifeguard/local-health.js';
import {
  factsFrom,
  Member,
  nodeFrom,
  userMeta,
  withVersionsOf,
  type MemberFacts,
} from '../member.js';
import type { MemberTable } from '../member-table.js';
import type { LocalNode } from '../local-node.js';
import type { VerifiedMembers } from '../probe/verified-members.js';
import { ClaimGossip, type ClaimGossipComponents, type Relay } from '../gossip/claim-gossip.js';
import type { AddressTakeovers } from './address-takeovers.js';
import { defectOfAlive, isOldNews, judgeAlive } from './judge-alive.js';
import { judgeDead } from './judge-dead.js';
import { judgeSuspect } from './judge-suspect.js';
import { Suspicions } from './suspicions.js';

/** What {@link Membership} works on. */
export interface MembershipComponents extends ClaimGossipComponents {
  readonly table: MemberTable;
  readonly health: LocalHealth;
  readonly forgotten: Forgotten;
  readonly contested: AddressTakeovers;
  /** Calls back when what had been received by now is handled. */
  readonly caughtUp: (then: () => void) => void;
}

/** What an alive claim says of where a member is, and of how new that is. */
type Whereabouts = Pick<AliveClaim, 'addr' | 'port' | 'incarnation'>;

/** Applies claims about members to the table. */
export class Membership {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  readonly #gossip: ClaimGossip;
  readonly #verified: VerifiedMembers;
  readonly #health: LocalHealth;
  readonly #forgotten: Forgotten;
  readonly #suspicions: Suspicions;
  readonly #contested: AddressTakeovers;

  constructor(components: MembershipComponents) {
    this.#context = components.context;
    this.#self = components.self;
    this.#table = components.table;
    this.#gossip = new ClaimGossip(components);
    this.#verified = components.verified;
    this.#health = components.health;
    this.#forgotten = components.forgotten;
    this.#suspicions = new Suspicions(components);
    this.#contested = components.contested;
  }

  /** Suspicion timers that run now. */
  get suspicionsRunning(): number {
    return this.#suspicions.size;
  }

  /** Puts ourselves into the table, or our new metadata; `finished` when it was gossiped. */
  announceSelf(claim: AliveClaim, finished?: () => void): void {
    this.#alive(claim, { finished }, true);
  }

  /** A claim that a member is alive. */
  alive(claim: AliveClaim, how: Relay = {}): void {
    this.#alive(claim, how, false);
  }

  /**
   * Whether an alive claim need not even be looked at: it says nothing that is not known, as most of a push/pull
   * does, and neither an alive delegate is to see it, nor is it about us.
   */
  isOldNews(name: string, claim: Whereabouts): boolean {
    return this.mayPassOver(name) && isOldNews(this.#table.get(name), claim);
  }

  /** Whether nobody is to see an alive claim about this name that is not news. */
  mayPassOver(name: string): boolean {
    const { hasAliveDelegate, protocolVersion } = this.#context.settings;
    return !hasAliveDelegate && protocolVersion >= 2 && name !== this.#self.name;
  }

  /** A claim that a member does not answer. */
  suspect(claim: SuspectClaim, how: Relay = {}): void {
    const { node: name, from } = claim;
    const member = this.#table.get(name);
    const isSelf = name === this.#self.name;
    const isUnderSuspicion = this.#suspicions.has(name);
    switch (judgeSuspect(member, claim, { isSelf, isUnderSuspicion })) {
      case 'confirm':
        if (this.#suspicions.confirm(name, from)) this.#gossip.pass(name, claim, how);
        return;
      case 'refute':
        this.#refute(claim.incarnation, `suspected by ${from}`);
        return;
      case 'accept':
        this.#startSuspicion(member as Member, claim, how);
        return;
      case 'ignore':
        return;
    }
  }

  /** A claim that a member is dead or, from itself, that it left. */
  dead(claim: DeadClaim, how: Relay = {}): void {
    const { node: name, from } = claim;
    const member = this.#table.get(name);
    const isSelf = name === this.#self.name;
    switch (judgeDead(member, claim, { isSelf, leaving: this.#self.leaving })) {
      case 'settle':
        this.#suspicions.settle(name);
        return;
      case 'refute':
        this.#suspicions.settle(name);
        this.#refute(claim.incarnation, `declared dead by ${from}`);
        return;
      case 'accept':
        this.#bury(member as Member, claim, how);
        return;
      case 'ignore':
        return;
    }
  }

  /** Takes members that died or left long ago out of the table. */
  reap(): void {
    const { settings, clock, effects } = this.#context;
    const longAgo = clock.now() - settings.gossipToTheDeadTime;
    const isOver = (member: Member): boolean =>
      member.isGone && member.stateChangedAt < longAgo && member.name !== this.#self.name;
    for (const { name } of this.#table.removeIf(isOver)) {
      effects.report({ code: 'member-reaped', peer: name });
    }
  }

  /**
   * Takes a member that is gone out of the table at once, as the user wants it, and lets nobody bring it
   * back unless it lives. False when it is not gone.
   */
  forget(name: string): boolean {
    const member = this.#table.get(name);
    if (name === this.#self.name || member?.isGone === false) return false;
    this.#forgotten.add(name);
    for (const removed of this.#table.removeIf((each) => each === member)) {
      this.#context.effects.report({ code: 'member-reaped', peer: removed.name });
    }
    return true;
  }

  /** Takes every suspicion timer back. */
  stop(): void {
    this.#suspicions.clear();
  }

  // This is where a node spends most of its time while a large cluster changes: what a claim does not need is
  // not made for it.
  #alive(received: AliveClaim, how: Relay, isOwnClaim: boolean): void {
    const { settings, clock, effects } = this.#context;
    const member = this.#table.get(received.node);
    // The same string each time is found faster than an equal one.
    const name = member?.name ?? received.node;
    const isSelf = name === this.#self.name;
    if (isSelf && this.#self.leaving && !isOwnClaim) return;
    if (!isOwnClaim && this.mayPassOver(name) && isOldNews(member, received)) return;
    if (member === undefined && this.#table.size >= settings.maxMembers) {
      return this.#drop(name, 'too-many-members', `${settings.maxMembers} members are known`);
    }
    const claim = this.#withPort(received);
    const mustHaveAll = settings.hasAliveDelegate || member === undefined;
    const ours = isSelf ? undefined : this.#self.versions;
    const defect = defectOfAlive(name, claim, { mustHaveAll, ours });
    if (defect !== undefined) return this.#drop(name, defect.reason, defect.detail);
    const facts = factsFrom(claim, member);
    if (facts === undefined) {
      return this.#drop(name, 'bad-address', `an address of ${claim.addr.length} bytes`);
    }
    if (!isOwnClaim) {
      if (settings.hasAliveDelegate && this.#isRefused(name, facts)) return;
      if (member === undefined && this.#isDoubted(received, facts, how)) return;
    }
    const verdict = judgeAlive(member, facts, {
      isSelf,
      isOwnClaim,
      now: clock.now(),
      deadNodeReclaimMs: settings.deadNodeReclaimTime,
      allowsIp: effects.allowsIp,
    });
    switch (verdict.kind) {
      case 'drop':
        return this.#drop(name, verdict.reason, verdict.detail);
      case 'conflict':
        return this.#reportConflict(member as Member, facts);
      case 'refute':
        this.#suspicions.settle(name);
        return this.#refute(facts.incarnation);
      case 'accept':
        if (claim !== received) how = { finished: how.finished };
        return this.#welcome(name, member, claim, facts, how);
      case 'ignore':
        return;
    }
  }

  /** The alive delegate wants nothing of it. */
  #isRefused(name: string, facts: MemberFacts): boolean {
    const { effects } = this.#context;
    const objection = effects.objectionToAlive(() => nodeFrom(name, facts, 'alive'));
    if (objection) this.#drop(name, 'refused-by-delegate', objection.message);
    return objection !== undefined;
  }

  /** It may be an echo of somebody whom the user has forgotten. */
  #isDoubted(received: AliveClaim, { address }: MemberFacts, how: Relay): boolean {
    const again = (): void => this.#alive(received, how, false);
    return this.#forgotten.doubts(received.node, address, again);
  }

  // Protocol 1 had no ports, and 0 stands for none: the configured one is meant.
  #withPort(claim: AliveClaim): AliveClaim {
    const { protocolVersion, bindPort } = this.#context.settings;
    if (protocolVersion >= 2 && claim.port !== 0) return claim;
    return { ...claim, port: bindPort };
  }

  #welcome(
    name: string,
    known: Member | undefined,
    claim: AliveClaim,
    received: MemberFacts,
    how: Relay,
  ): void {
    const { clock, effects } = this.#context;
    this.#suspicions.settle(name);
    const facts = withVersionsOf(known, received);
    const stateBefore = known?.state;
    const addressBefore = known?.address;
    const wasGone = known?.isGone === true;
    const hasNewMeta = known !== undefined && !known.hasMeta(facts.meta);
    const previousMeta = copyForUsers(userMeta((hasNewMeta ? known.meta : null) ?? noBytes));
    const member = known ?? new Member(name, facts, 'dead', clock.now());
    member.setFacts(facts);
    if (member.state !== 'alive') member.setState('alive', clock.now());
    if (known === undefined) this.#table.add(member);
    else this.#table.settled(member, wasGone ? undefined : addressBefore);
    this.#gossip.pass(name, claim, how);
    if (name === this.#self.name) return;

    const { address } = facts;
    if (addressBefore !== address && this.#context.settings.probeInterval > 0) {
      this.#contested.claim(address, name);
    }
    if (stateBefore === undefined || stateBefore === 'dead' || stateBefore === 'left') {
      if (addressBefore !== undefined && addressBefore !== address) {
        const addresses = { held: addressBefore, claimed: address };
        effects.report({ code: 'address-reclaimed', peer: name, ...addresses });
      }
      effects.report({ code: 'member-joined', peer: name, address });
      effects.notify({ type: 'join', node: member.describe() });
      return;
    }
    if (stateBefore !== 'suspect' && !hasNewMeta) return;
    const node = member.describe();
    if (stateBefore === 'suspect') {
      effects.report({ code: 'member-refuted', peer: name });
      effects.notify({ type: 'refute', node });
    }
    if (hasNewMeta) {
      effects.report({ code: 'member-updated', peer: name });
      effects.notify({ type: 'update', node, previousMeta });
    }
  }

  #startSuspicion(member: Member, claim: SuspectClaim, how: Relay): void {
    const { clock, effects } = this.#context;
    const { node: name, from } = claim;
    member.setIncarnation(claim.incarnation);
    member.setState('suspect', clock.now());
    this.#suspicions.start({
      name,
      accuser: from,
      members: this.#verified.clusterSize,
      expired: () => {
        const { incarnation } = member;
        this.dead({ type: MessageType.dead, node: name, incarnation, from: this.#self.name });
      },
    });
    this.#gossip.pass(name, claim, how);
    effects.report({ code: 'member-suspected', peer: name, by: from });
    effects.notify({ type: 'suspect', node: member.describe() });
  }

  #bury(member: Member, claim: DeadClaim, how: Relay): void {
    const { clock, effects } = this.#context;
    const { node: name, from } = claim;
    const confirmations = this.#suspicions.confirmations(name);
    this.#suspicions.settle(name);
    const left = from === name;
    member.setIncarnation(claim.incarnation);
    member.setState(left ? 'left' : 'dead', clock.now());
    this.#table.vacated(member);
    this.#gossip.pass(name, claim, how);
    if (name === this.#self.name) return;
    if (left) effects.report({ code: 'member-left', peer: name });
    else {
      const seen = confirmations === undefined ? {} : { confirmations };
      effects.report({ code: 'member-failed', peer: name, by: from, ...seen });
    }
    effects.notify({ type: 'leave', node: member.describe(), reason: left ? 'left' : 'failed' });
  }

  // Without an accusation it is a claim of an earlier life of ours that is set right.
  #refute(claimed: number, accusation?: string): void {
    const { effects, counters } = this.#context;
    const member = this.#table.get(this.#self.name);
    if (member === undefined) return;
    const incarnation = this.#self.incarnationAbove(claimed);
    member.setIncarnation(incarnation);
    const { name: node, addr, port, meta, vsn } = member;
    this.#gossip.pass(node, { type: MessageType.alive, node, addr, port, meta, vsn, incarnation });
    counters.refutations++;
    const accused = accusation !== undefined;
    const claim = accusation ?? 'an earlier life of ours is said to be alive';
    effects.report({ code: 'refuted', peer: node, claim, accused, incarnation });
    this.#health.add(1);
  }

  #reportConflict(member: Member, facts: MemberFacts): void {
    const { effects } = this.#context;
    const existing = member.describe();
    const other = nodeFrom(member.name, facts, 'alive');
    const addresses = { held: existing.address, claimed: other.address };
    if (member.name === this.#self.name) this.#self.nameClaimed(other.address);
    effects.report({ code: 'address-conflict', peer: member.name, ...addresses });
    effects.notify({ type: 'conflict', existing, other });
  }

  #drop(peer: string, reason: DropReason, detail: string): void {
    this.#context.counters.drop(reason);
    this.#context.effects.report({ code: 'claim-refused', peer, reason, detail });
  }
}
