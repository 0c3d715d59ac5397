/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An engine that does nothing by itself but probe, and what tests of probing say again and again.
import assert from 'node:assert/strict';
import { MessageType } from '../../../../src/wire/message-type.js';
import type { IndirectPing, Message, Ping } from '../../../../src/wire/messages.js';
import { makeEngine, type Harness, type HarnessOptions, type SentPacket } from '../harness.js';

/** LAN defaults, with nothing periodic but probes. */
export function makeProber(options: HarnessOptions = {}): Harness {
  const quiet = { gossipInterval: 0, pushPullInterval: 0, queueCheckInterval: 0 };
  return makeEngine({ ...options, schedulers: true, settings: { ...quiet, ...options.settings } });
}

/** Lets time pass until the next direct ping is sent; gives it. */
export function nextPing(harness: Harness, withinMs = 10_000): { ping: Ping; packet: SentPacket } {
  const before = harness.sent.length;
  for (let ms = 0; ms <= withinMs; ms++) {
    for (const packet of harness.sent.slice(before)) {
      const [ping] = packet.messages;
      if (ping?.type === MessageType.ping) return { ping, packet };
    }
    harness.run(1);
  }
  assert.fail(`no ping within ${withinMs} ms`);
}

/** The indirect pings that were sent, with their receivers. */
export function indirectPings(harness: Harness): { to: string; ping: IndirectPing }[] {
  return harness.sent.flatMap(({ to, messages }) =>
    messages
      .filter((message): message is IndirectPing => message.type === MessageType.indirectPing)
      .map((ping) => ({ to: to.name ?? to.addr, ping })),
  );
}

export function ack(seqNo: number, payload: Buffer | null = null): Message {
  return { type: MessageType.ackResp, seqNo, payload };
}

export function nack(seqNo: number): Message {
  return { type: MessageType.nackResp, seqNo };
}

export function ping(seqNo: number, fields: Partial<Omit<Ping, 'type' | 'seqNo'>> = {}): Ping {
  const source = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
  return { type: MessageType.ping, seqNo, node: '', ...source, ...fields };
}
