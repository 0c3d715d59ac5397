/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What tests of probing need beside the engine in virtual time: a clock that can stall, and probe
// rounds one after the other.
import { VirtualClock } from '../../../src/testing/index.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type { AckResp, NackResp, Ping } from '../../../src/wire/messages.js';
import { makeEngine, type Harness, type HarnessOptions, type SentPacket } from './harness.js';

/** Acks and nacks of these are what a test sends by hand. */
export function ack(seqNo: number, payload: Buffer | null = null): AckResp {
  return { type: MessageType.ackResp, seqNo, payload };
}

export function nack(seqNo: number): NackResp {
  return { type: MessageType.nackResp, seqNo };
}

/**
 * A clock whose process can stand still: every timer that was pending then fires that much later
 * than planned. `now()` goes on during the stall; the times of `nextAt` and `advanceTo` do not.
 */
export class StallingClock extends VirtualClock {
  #stalledMs = 0;

  override now(): number {
    return super.now() + this.#stalledMs;
  }

  stall(ms: number): void {
    this.#stalledMs += ms;
  }
}

/** An engine of which only the probe scheduler runs, once it is started. */
export function makeProbingEngine(options: HarnessOptions = {}): Harness {
  const off = { gossipInterval: 0, pushPullInterval: 0, queueCheckInterval: 0 };
  return makeEngine({ ...options, settings: { ...off, ...options.settings } });
}

/** A direct ping that the engine sent. */
export interface SentPing {
  readonly at: number;
  readonly ping: Ping;
  readonly sent: SentPacket;
}

/** Every ping that was sent, direct or for somebody else. */
export function pingsOf(harness: Harness): SentPing[] {
  return harness.sent.flatMap((sent) =>
    sent.messages.flatMap((message) =>
      message.type === MessageType.ping ? [{ at: sent.at, ping: message, sent }] : [],
    ),
  );
}

/**
 * Starts the schedulers and lets time pass until `target` is being probed: who is probed before it
 * answers at once. Traces of that are forgotten, but for the packet with the ping.
 */
export function probeUntil(harness: Harness, target: string): SentPing {
  const { engine, clock, sent, forget, receive } = harness;
  engine.startSchedulers();
  for (let steps = 0; steps < 1000; steps++) {
    const found = pingsOf(harness).at(-1);
    if (found?.ping.node === target) {
      forget();
      sent.push(found.sent);
      return found;
    }
    if (found !== undefined) {
      forget();
      receive(ack(found.ping.seqNo));
    }
    clock.runNext();
  }
  throw new Error(`${target} was not probed`);
}
