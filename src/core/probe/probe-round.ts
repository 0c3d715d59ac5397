/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One probe of one member (SWIM, section 3.1; Lifeguard, section IV-A): a small state machine.
//
//     direct ──no ack in time, or refused──▶ indirect ──round's end──▶ verdict
//        └──────────────ack at any time─────────┴──────▶ success
//
// Our own stalls are not the target's fault: JavaScript has one thread, and after a stall timers
// fire before sockets are read. The ack table lets received packets be handled before a deadline
// counts, and a round one of whose deadlines fired over a `probeTimeout` late accuses nobody.
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
import type { SendFailure, Timer } from '../ports.js';
import type { AckTable } from './ack-table.js';

const NACK_PROTOCOL = 4;
const STREAM_PING_PROTOCOL = 3;

/** What a probe works with. */
export interface ProbeComponents {
  readonly context: CoreContext;
  readonly self: LocalNode;
  readonly table: MemberTable;
  readonly acks: AckTable;
  readonly outbox: Outbox;
  readonly health: LocalHealth;
  readonly membership: Membership;
  readonly caughtUp: (then: () => void) => void;
}

/** One probe of one member. */
export class ProbeRound {
  readonly #components: ProbeComponents;
  readonly #target: Member;
  readonly #ended: () => void;
  readonly #incarnation: number;
  readonly #seqNo: number;
  readonly #startedAt: number;
  readonly #lengthMs: number;
  #phase: 'direct' | 'indirect' | 'over' = 'direct';
  #directTimer: Timer | undefined;
  #nacksWanted = 0;
  #nacks = 0;
  #streamAnswered = false;
  #lateMs = 0;

  constructor(components: ProbeComponents, init: { target: Member; ended: () => void }) {
    const { context, self, health } = components;
    this.#components = components;
    this.#target = init.target;
    this.#ended = init.ended;
    this.#incarnation = init.target.incarnation;
    this.#seqNo = self.nextSequence();
    this.#startedAt = context.clock.now();
    this.#lengthMs = health.scale(context.settings.probeInterval);
  }

  /** Clock time at which the round is over at the latest. */
  get endsAt(): number {
    return this.#startedAt + this.#lengthMs;
  }

  /** Sends the direct ping. */
  start(): void {
    this.#step(() => this.#ping());
  }

  /** Ends the round without a verdict. */
  abandon(): void {
    if (this.#phase !== 'over') this.#end('abandoned');
  }

  // An exception of our own is not the target's fault, and must not block the next round.
  #step(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.abandon();
      this.#ended();
      throw error;
    }
  }

  #ping(): void {
    const { context, acks, outbox, self, health } = this.#components;
    const { clock, settings } = context;
    const { name, destination, state } = this.#target;
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
        this.#components.caughtUp(() => this.#step(() => this.#goIndirect()));
      });
    }
    const messages = [encodeMessage(self.ping(this.#seqNo, name))];
    if (state !== 'alive' && lifeguard.tellsTheAccused) {
      // Lifeguard's buddy system: the accused hears of it with the ping, and can refute at once.
      const claim = { node: name, incarnation: this.#incarnation, from: self.name };
      messages.push(encodeMessage({ type: MessageType.suspect, ...claim }));
    }
    outbox.send(destination, messages, (failure) => this.#step(() => this.#sendFailed(failure)));
  }

  #acked(payload: Buffer, receivedAt: number): void {
    const { context, health } = this.#components;
    const outcome = this.#phase === 'direct' ? 'direct' : 'indirect';
    this.#end(outcome);
    health.add(-1);
    // Over an indirect route the time would be the helper's as much as the target's.
    if (outcome === 'direct') {
      const roundTripMs = Math.max(0, receivedAt - this.#startedAt);
      context.effects.pingCompleted(this.#target.snapshot(), roundTripMs, payload);
    }
    this.#ended();
  }

  #goIndirect(): void {
    if (this.#phase !== 'direct') return;
    this.#phase = 'indirect';
    this.#directTimer?.cancel();
    const { context, table, self } = this.#components;
    const helpers = table.pick(
      context.settings.indirectChecks,
      ({ name, state }) => state === 'alive' && name !== self.name && name !== this.#target.name,
    );
    for (const helper of helpers) this.#askHelper(helper);
    this.#pingOverStream();
  }

  #askHelper(helper: Member): void {
    const { context, outbox, self } = this.#components;
    const { name, addr, port } = this.#target;
    const nack = context.settings.lifeguard.asksForNacks && helper.protocolMax >= NACK_PROTOCOL;
    if (nack) this.#nacksWanted++;
    const request = {
      ...self.ping(this.#seqNo, name),
      type: MessageType.indirectPing,
      target: addr,
      port,
      nack,
    };
    outbox.send(helper.destination, [encodeMessage(request)]);
  }

  #pingOverStream(): void {
    const { context } = this.#components;
    const { settings, effects } = context;
    const { name, destination, protocolMax } = this.#target;
    const isOff = settings.disableTcpPings || settings.disableTcpPingsForNode?.(name) === true;
    if (isOff || protocolMax < STREAM_PING_PROTOCOL) return;
    const request = { to: destination, node: name, seqNo: this.#seqNo, deadlineAt: this.endsAt };
    effects.streamPing(request, (answered) => {
      this.#streamAnswered ||= answered;
    });
  }

  #sendFailed(failure: SendFailure): void {
    if (this.#phase !== 'direct') return;
    if (failure.blame === 'remote') {
      this.#goIndirect();
      return;
    }
    const { error } = failure;
    const peer = this.#target.name;
    this.#components.context.effects.report({ code: 'probe-send-failed', peer, error });
    this.#end('abandoned');
    this.#ended();
  }

  #noteLateness(lateMs: number): void {
    this.#lateMs = Math.max(this.#lateMs, lateMs);
  }

  // The round's end: no ack came by any route of packets.
  #expired(lateMs: number): void {
    this.#noteLateness(lateMs);
    const { context, health } = this.#components;
    const { effects, settings } = context;
    const peer = this.#target.name;
    if (this.#streamAnswered) {
      this.#end('stream');
      effects.report({ code: 'probe-stream-only', peer });
      health.add(-1);
    } else if (settings.lifeguard.mindsStalls && this.#lateMs > settings.probeTimeout) {
      this.#end('stalled');
      effects.report({ code: 'probe-stalled', peer, lateMs: this.#lateMs });
      health.add(1);
    } else {
      this.#end('failed');
      this.#accuse();
    }
    this.#ended();
  }

  #accuse(): void {
    const { context, self, health, membership } = this.#components;
    const node = this.#target.name;
    health.add(context.settings.lifeguard.failedProbeCost(this.#nacksWanted, this.#nacks));
    const healthScore = health.score;
    context.effects.report({ code: 'probe-unanswered', peer: node, healthScore });
    const incarnation = this.#incarnation;
    membership.suspect({ type: MessageType.suspect, node, incarnation, from: self.name });
  }

  #end(outcome: ProbeOutcome): void {
    this.#phase = 'over';
    this.#directTimer?.cancel();
    this.#components.acks.cancel(this.#seqNo);
    this.#components.context.counters.probe(outcome);
  }
}
