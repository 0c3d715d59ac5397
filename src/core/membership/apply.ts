/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The only writer of member state. All claims about members are applied here: the judges decide, and this class acts:
// state first, then broadcasts and timers, and the user's callbacks last, when the state is consistent.
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
  withKnownVersions,
  type MemberFacts,
} from '../member.js';
import type { MemberTable } from '../member-table.js';
import type { LocalNode } from '../local-node.js';
import type { VerifiedMembers } from '../probe/verified-members.js';
import { ClaimGossip, type ClaimGossipComponents, type Relay } from '../gossip/claim-gossip.js';
import { notifyAdmitted, notifyConflict, notifyGone, notifySuspected } from './notify-changes.js';
import { Refuter } from './refuter.js';
import type { AddressTakeovers } from './address-takeovers.js';
import { findAliveDefect, isRedundantAlive, judgeAlive } from './judge-alive.js';
import { judgeDead } from './judge-dead.js';
import { judgeSuspect } from './judge-suspect.js';
import { Suspicions } from './suspicions.js';

/** Dependencies of {@link Membership}. */
export interface MembershipComponents extends ClaimGossipComponents {
  readonly table: MemberTable;
  readonly health: LocalHealth;
  readonly forgotten: Forgotten;
  readonly takeovers: AddressTakeovers;
  /** Calls back when the packets that have already arrived are processed. */
  readonly afterReceived: (then: () => void) => void;
}

/** The part of an alive claim that tells where a member is, and how recent the claim is. */
type Whereabouts = Pick<AliveClaim, 'addr' | 'port' | 'incarnation'>;

/** Applies claims about members to the table. */
export class Membership {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  readonly #gossip: ClaimGossip;
  readonly #verified: VerifiedMembers;
  readonly #refuter: Refuter;
  readonly #forgotten: Forgotten;
  readonly #suspicions: Suspicions;
  readonly #takeovers: AddressTakeovers;

  constructor(components: MembershipComponents) {
    this.#context = components.context;
    this.#self = components.self;
    this.#table = components.table;
    this.#gossip = new ClaimGossip(components);
    this.#verified = components.verified;
    this.#refuter = new Refuter({ ...components, gossip: this.#gossip });
    this.#forgotten = components.forgotten;
    this.#suspicions = new Suspicions(components);
    this.#takeovers = components.takeovers;
  }

  /** Number of running suspicion timers. */
  get suspicionsRunning(): number {
    return this.#suspicions.size;
  }

  /** Adds ourselves to the table, or updates our metadata; `finished` is called when the gossip is finished. */
  announceSelf(claim: AliveClaim, finished?: () => void): void {
    this.#alive(claim, { finished }, true);
  }

  /** Applies a claim that a member is alive. */
  alive(claim: AliveClaim, relay: Relay = {}): void {
    this.#alive(claim, relay, false);
  }

  /**
   * Whether an alive claim can be skipped: it contains no update, as most records of a push/pull, no alive delegate
   * must see it, and it is not about us.
   */
  isRedundantAlive(name: string, claim: Whereabouts): boolean {
    return this.maySkipRedundant(name) && isRedundantAlive(this.#table.get(name), claim);
  }

  /** Whether alive claims about this name can be skipped if they contain no update. */
  maySkipRedundant(name: string): boolean {
    const { hasAliveDelegate, protocolVersion } = this.#context.settings;
    return !hasAliveDelegate && protocolVersion >= 2 && name !== this.#self.name;
  }

  /** Applies a claim that a member does not answer. */
  suspect(claim: SuspectClaim, relay: Relay = {}): void {
    const { node: name, from } = claim;
    const member = this.#table.get(name);
    const isSelf = name === this.#self.name;
    const isUnderSuspicion = this.#suspicions.has(name);
    switch (judgeSuspect(member, claim, { isSelf, isUnderSuspicion })) {
      case 'confirm':
        if (this.#suspicions.confirm(name, from)) this.#gossip.queueClaim(name, claim, relay);
        return;
      case 'refute':
        this.#refuter.refute(claim.incarnation, `suspected by ${from}`);
        return;
      case 'accept':
        this.#startSuspicion(member as Member, claim, relay);
        return;
      case 'ignore':
        return;
    }
  }

  /** Applies a claim that a member is dead or, from the member itself, that it left. */
  dead(claim: DeadClaim, relay: Relay = {}): void {
    const { node: name, from } = claim;
    const member = this.#table.get(name);
    const isSelf = name === this.#self.name;
    switch (judgeDead(member, claim, { isSelf, leaving: this.#self.leaving })) {
      case 'settle':
        this.#suspicions.settle(name);
        return;
      case 'refute':
        this.#suspicions.settle(name);
        this.#refuter.refute(claim.incarnation, `declared dead by ${from}`);
        return;
      case 'accept':
        this.#markDead(member as Member, claim, relay);
        return;
      case 'ignore':
        return;
    }
  }

  /** Cancels all suspicion timers. */
  stop(): void {
    this.#suspicions.clear();
  }

  // A node spends most of its time here while a large cluster changes: nothing is computed that a claim does not
  // need.
  #alive(received: AliveClaim, relay: Relay, isOwnClaim: boolean): void {
    const { settings, clock, effects } = this.#context;
    const member = this.#table.get(received.node);
    // A lookup with the identical string is faster than with an equal one.
    const name = member?.name ?? received.node;
    const isSelf = name === this.#self.name;
    if (isSelf && this.#self.leaving && !isOwnClaim) return;
    if (!isOwnClaim && this.maySkipRedundant(name) && isRedundantAlive(member, received)) return;
    if (member === undefined && this.#table.size >= settings.maxMembers) {
      return this.#drop(
        name,
        'too-many-members',
        `the table has ${settings.maxMembers} members already`,
      );
    }
    const claim = this.#withPort(received);
    const requiresAll = settings.hasAliveDelegate || member === undefined;
    const ours = isSelf ? undefined : this.#self.versions;
    const defect = findAliveDefect(name, claim, { requiresAll, ours });
    if (defect !== undefined) return this.#drop(name, defect.reason, defect.detail);
    const facts = factsFrom(claim, member);
    if (facts === undefined) {
      return this.#drop(name, 'bad-address', `an address of ${claim.addr.length} bytes`);
    }
    if (!isOwnClaim) {
      if (settings.hasAliveDelegate && this.#isRefusedByDelegate(name, facts)) return;
      if (member === undefined && this.#mustVerifyForgotten(received, facts, relay)) return;
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
        if (isSelf) this.#self.ownNameClaimed(facts.address);
        return notifyConflict(effects, member as Member, facts);
      case 'refute':
        this.#suspicions.settle(name);
        return this.#refuter.refute(facts.incarnation);
      case 'accept':
        if (claim !== received) relay = { finished: relay.finished };
        return this.#admit(name, member, claim, facts, relay);
      case 'ignore':
        return;
    }
  }

  /** Whether the alive delegate refuses the claim. */
  #isRefusedByDelegate(name: string, facts: MemberFacts): boolean {
    const { effects } = this.#context;
    const objection = effects.objectionToAlive(() => nodeFrom(name, facts, 'alive'));
    if (objection) this.#drop(name, 'refused-by-delegate', objection.message);
    return objection !== undefined;
  }

  /** Whether the name was forgotten, and the claim may repeat old state: the node is pinged first. */
  #mustVerifyForgotten(received: AliveClaim, { address }: MemberFacts, relay: Relay): boolean {
    const again = (): void => this.#alive(received, relay, false);
    return this.#forgotten.mustVerify(received.node, address, again);
  }

  // Protocol 1 had no ports, and port 0 means none: the configured port applies.
  #withPort(claim: AliveClaim): AliveClaim {
    const { protocolVersion, bindPort } = this.#context.settings;
    if (protocolVersion >= 2 && claim.port !== 0) return claim;
    return { ...claim, port: bindPort };
  }

  #admit(
    name: string,
    known: Member | undefined,
    claim: AliveClaim,
    received: MemberFacts,
    relay: Relay,
  ): void {
    const { clock, effects } = this.#context;
    this.#suspicions.settle(name);
    const facts = withKnownVersions(known, received);
    const stateBefore = known?.state;
    const addressBefore = known?.address;
    const wasGone = known?.isGone === true;
    const hasNewMeta = known !== undefined && !known.hasMeta(facts.meta);
    const previousMeta = hasNewMeta ? copyForUsers(userMeta(known.meta ?? noBytes)) : undefined;
    const member = known ?? new Member(name, facts, 'dead', clock.now());
    member.setFacts(facts);
    if (member.state !== 'alive') member.setState('alive', clock.now());
    if (known === undefined) this.#table.add(member);
    else this.#table.markPresent(member, wasGone ? undefined : addressBefore);
    this.#gossip.queueClaim(name, claim, relay);
    if (name === this.#self.name) return;

    if (addressBefore !== facts.address && this.#context.settings.probeInterval > 0) {
      this.#takeovers.claim(facts.address, name);
    }
    notifyAdmitted(effects, member, stateBefore, addressBefore, previousMeta);
  }

  #startSuspicion(member: Member, claim: SuspectClaim, relay: Relay): void {
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
    this.#gossip.queueClaim(name, claim, relay);
    notifySuspected(effects, member, from);
  }

  #markDead(member: Member, claim: DeadClaim, relay: Relay): void {
    const { clock, effects } = this.#context;
    const { node: name, from } = claim;
    const confirmations = this.#suspicions.confirmations(name);
    this.#suspicions.settle(name);
    const left = from === name;
    member.setIncarnation(claim.incarnation);
    member.setState(left ? 'left' : 'dead', clock.now());
    this.#table.markGone(member);
    this.#gossip.queueClaim(name, claim, relay);
    if (name === this.#self.name) return;
    notifyGone(effects, member, from, confirmations);
  }

  #drop(peer: string, reason: DropReason, detail: string): void {
    this.#context.counters.drop(reason);
    this.#context.effects.report({ code: 'claim-refused', peer, reason, detail });
  }
}
