/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One probe of one member (SWIM, section 3.1; Lifeguard, section IV-A): a small state machine.
//
//     direct ──no ack in time, or not sent──▶ indirect ──round's end──▶ verdict
//        └──────────────ack at any time─────────┴──────▶ success
//
// Our own stalls are not the target's fault: JavaScript has one thread, and after a stall timers fire before sockets
// are read. The ack table processes received packets before a deadline counts, and a round raises no suspicion if one
// of its deadlines fired more than a `probeTimeout` late.
//
// If a ping cannot be sent, the indirect step follows at once, whatever the error (as in Go memberlist): an address
// that the system does not send to is an address that we cannot reach. Only after an error of our socket, or a second
// error about resources, the round ends without a verdict.
import { encodeMessage } from '../../wire/message-codec.js';
import { MessageType } from '../../wire/message-type.js';
import type { CoreContext } from '../context.js';
import type { ProbeOutcome } from '../counters.js';
import type { Outbox } from '../gossip/piggyback.js';
import type { LocalHealth } from '../lifeguard/local-health.js';
import type { LocalNode } from '../local-node.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';
import type { Membership } from '../membership/apply.js';
import type { AddressTakeovers } from '../membership/address-takeovers.js';
import type { Reaper } from '../membership/reaper.js';
import type { SendFailure, SendFault, Timer } from '../ports.js';
import type { AckTable } from './ack-table.js';
import { pingOverStream, sendIndirectPings } from './indirect-ping.js';
import type { SendWatch } from './send-watch.js';
import type { VerifiedMembers } from './verified-members.js';

/** If the system had no room for a ping, it is sent again after this share of `probeTimeout`. */
const RETRY_SHARE = 1 / 4;
/** Faults of this host; if the peer is gone, its suspicion is sufficient. */
const WARNED_FAULTS: readonly SendFault[] = ['address', 'resources', 'socket'];

/** Dependencies of a probe. */
export interface ProbeComponents {
  readonly context: CoreContext;
  readonly self: LocalNode;
  readonly table: MemberTable;
  readonly acks: AckTable;
  readonly outbox: Outbox;
  readonly health: LocalHealth;
  readonly membership: Membership;
  readonly reaper: Reaper;
  readonly takeovers: AddressTakeovers;
  readonly sends: SendWatch;
  readonly verified: VerifiedMembers;
  readonly afterReceived: (then: () => void) => void;
}

/** One probe of one member. */
export class ProbeRound {
  readonly #components: ProbeComponents;
  readonly #target: Member;
  readonly #ended: (outcome: ProbeOutcome) => void;
  readonly #incarnation: number;
  readonly #seqNo: number;
  readonly #startedAt: number;
  readonly #lengthMs: number;
  #phase: 'direct' | 'indirect' | 'over' = 'direct';
  #directTimer: Timer | undefined;
  #retryTimer: Timer | undefined;
  /** Why the last attempt to send the ping failed, if it did. */
  #sendError: Error | undefined;
  #nacksWanted = 0;
  #nacks = 0;
  #streamAnswered = false;
  #lateMs = 0;

  constructor(
    components: ProbeComponents,
    init: { target: Member; ended: (outcome: ProbeOutcome) => void },
  ) {
    const { context, self, health } = components;
    this.#components = components;
    this.#target = init.target;
    this.#ended = init.ended;
    this.#incarnation = init.target.incarnation;
    this.#seqNo = self.nextSequence();
    this.#startedAt = context.clock.now();
    this.#lengthMs = health.scale(context.settings.probeInterval);
  }

  /** Clock time by which the round is over. */
  get endsAt(): number {
    return this.#startedAt + this.#lengthMs;
  }

  /** Sends the direct ping. */
  start(): void {
    this.#step(() => this.#ping());
  }

  // An exception of our own is not the target's fault, and must not block the next round.
  #step(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.abandon();
      this.#ended('abandoned');
      throw error;
    }
  }

  #ping(): void {
    const { context, acks, health } = this.#components;
    const { clock, settings } = context;
    acks.expect(
      this.#seqNo,
      {
        acked: (payload, receivedAt) => this.#step(() => this.#acked(payload, receivedAt)),
        nacked: () => this.#nacks++,
        expired: (lateMs) => this.#step(() => this.#expired(lateMs)),
      },
      this.#lengthMs,
    );
    const { lifeguard } = settings;
    const timeoutMs = lifeguard.probeTimeoutMs(settings.probeTimeout, health.score);
    if (timeoutMs < this.#lengthMs) {
      const dueAt = clock.now() + timeoutMs;
      this.#directTimer = clock.setTimer(timeoutMs, () => {
        this.#noteLateness(clock.now() - dueAt);
        this.#components.afterReceived(() => this.#step(() => this.#goIndirect()));
      });
    }
    this.#sendPing('first');
  }

  #sendPing(attempt: 'first' | 'second'): void {
    const { context, outbox, self } = this.#components;
    const { name, destination, state } = this.#target;
    const messages = [encodeMessage(self.ping(this.#seqNo, name))];
    if (state !== 'alive' && context.settings.lifeguard.usesBuddySystem) {
      // Lifeguard's buddy system: the suspect learns of the suspicion with the ping, and can refute at once.
      const claim = { node: name, incarnation: this.#incarnation, from: self.name };
      messages.push(encodeMessage({ type: MessageType.suspect, ...claim }));
    }
    let isOver = false;
    outbox.send(destination, messages, (failure) => {
      // A ping with many broadcasts is more than one packet; the first failure counts.
      if (!isOver) this.#step(() => this.#sendFailed(failure, attempt));
      isOver = true;
    });
  }

  /** Ends the round without a verdict. */
  abandon(): void {
    if (this.#phase !== 'over') this.#close('abandoned');
  }

  #acked(payload: Buffer, receivedAt: number): void {
    const { context, health, sends } = this.#components;
    const outcome = this.#phase === 'direct' ? 'direct' : 'indirect';
    this.#close(outcome);
    sends.succeeded();
    health.add(-1);
    // Over an indirect path the time would depend on the helper as well.
    if (outcome === 'direct') {
      const roundTripMs = Math.max(0, receivedAt - this.#startedAt);
      context.effects.pingCompleted(this.#target.snapshot(), roundTripMs, payload);
    }
    this.#ended(outcome);
  }

  #goIndirect(): void {
    if (this.#phase !== 'direct') return;
    this.#phase = 'indirect';
    this.#cancelTimers();
    const probe = { target: this.#target, seqNo: this.#seqNo, deadlineAt: this.endsAt };
    this.#nacksWanted = sendIndirectPings(this.#components, probe);
    pingOverStream(this.#components.context, probe, (answered) => {
      this.#streamAnswered ||= answered;
    });
  }

  #sendFailed({ fault, error }: SendFailure, attempt: 'first' | 'second'): void {
    if (this.#phase !== 'direct') return;
    const { context } = this.#components;
    if (fault === 'resources' && attempt === 'first') {
      const delayMs = context.settings.probeTimeout * RETRY_SHARE;
      this.#retryTimer = context.clock.setTimer(delayMs, () => {
        this.#step(() => this.#sendPing('second'));
      });
      return;
    }
    if (fault !== 'refused') this.#sendError = error;
    if (WARNED_FAULTS.includes(fault)) {
      context.effects.report({ code: 'probe-send-failed', peer: this.#target.name, error });
    }
    if (fault === 'resources' || fault === 'socket') this.#endUnsent();
    else this.#goIndirect();
  }

  // No request could be sent, so a missing answer means nothing.
  #endUnsent(): void {
    const { health, sends } = this.#components;
    this.#close('abandoned');
    this.#noteSends(false);
    if (sends.isFaulty) health.add(1);
    this.#ended('abandoned');
  }

  #noteSends(isAnswered: boolean): void {
    const { sends } = this.#components;
    if (this.#sendError === undefined) sends.succeeded();
    else sends.failed(this.#sendError, isAnswered);
  }

  #noteLateness(lateMs: number): void {
    this.#lateMs = Math.max(this.#lateMs, lateMs);
  }

  // The end of the round: no ack arrived in a packet.
  #expired(lateMs: number): void {
    this.#noteLateness(lateMs);
    const outcome = this.#verdict();
    this.#close(outcome);
    if (outcome !== 'stalled') this.#noteSends(outcome === 'stream');
    if (outcome === 'failed') this.#suspectTarget();
    else this.#reportUnsuspected(outcome);
    this.#ended(outcome);
  }

  #verdict(): 'stream' | 'stalled' | 'failed' {
    const { lifeguard, probeTimeout } = this.#components.context.settings;
    if (this.#streamAnswered) return 'stream';
    return lifeguard.excusesStalls && this.#lateMs > probeTimeout ? 'stalled' : 'failed';
  }

  #reportUnsuspected(outcome: 'stream' | 'stalled'): void {
    const { context, health, sends } = this.#components;
    const { name: peer } = this.#target;
    if (outcome === 'stream') {
      context.effects.report({ code: 'probe-stream-only', peer });
      health.add(sends.isFaulty ? 1 : -1);
    } else {
      context.effects.report({ code: 'probe-stalled', peer, lateMs: this.#lateMs });
      health.add(1);
    }
  }

  #suspectTarget(): void {
    const { context, self, health, membership } = this.#components;
    const node = this.#target.name;
    health.add(this.#failureCost());
    const healthScore = health.score;
    context.effects.report({ code: 'probe-unanswered', peer: node, healthScore });
    const incarnation = this.#incarnation;
    membership.suspect({ type: MessageType.suspect, node, incarnation, from: self.name });
  }

  #failureCost(): number {
    const { context, sends, verified } = this.#components;
    if (sends.isFaulty) return 1;
    // If most names are forged, a missing answer of one says nothing about this node; those of verified members do.
    const saysNothing = verified.isOutnumbered || verified.areLinksGood;
    if (saysNothing && !verified.has(this.#target)) return 0;
    return context.settings.lifeguard.failedProbeCost(this.#nacksWanted, this.#nacks);
  }

  #close(outcome: ProbeOutcome): void {
    this.#phase = 'over';
    this.#cancelTimers();
    this.#components.acks.cancel(this.#seqNo);
    this.#components.context.counters.probe(outcome);
  }

  #cancelTimers(): void {
    this.#directTimer?.cancel();
    this.#retryTimer?.cancel();
  }
}
