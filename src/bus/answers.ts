/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Answers fetches of other members with retained messages.
import type { BusNode } from './bus-node.js';
import { repairHead } from './encode.js';
import type { FetchFrame } from './frames.js';
import { busLimits } from './limits.js';
import { packRecords, recordBytes, type BusRecord } from './records.js';
import type { Retained } from './retained.js';

/** What a node has of one publisher. */
export interface Source {
  readonly retained: Retained;
  readonly high: number;
}

interface Allowance {
  bytes: number;
  at: number;
}

/** Answers for one node. */
export class Answers {
  readonly #node: BusNode;
  readonly #source: (publisher: string, boot: string) => Source | undefined;
  /** What each requester may still fetch. */
  readonly #allowances = new Map<string, Allowance>();

  constructor(node: BusNode, source: (publisher: string, boot: string) => Source | undefined) {
    this.#node = node;
    this.#source = source;
  }

  answer(from: string, { publisher, boot, ranges }: FetchFrame): void {
    const { meters, link } = this.#node;
    const allowance = this.#allowance(from);
    if (allowance.bytes <= 0) return meters.drop('rate-limited');
    const source = this.#source(publisher, boot);
    const most = Math.min(allowance.bytes, busLimits.answerBytes);
    const records = source?.retained.collect(ranges, most) ?? [];
    const high = source?.high ?? 0;
    const lowest = source?.retained.lowest ?? high + 1;
    const head = (isLast: boolean): Buffer => repairHead({ publisher, boot, isLast, lowest, high });
    meters.answers.inc();
    const budget = link.packetBytes;
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    allowance.bytes -= bytes + 100;
    const isLong =
      bytes > busLimits.answerPackets * (budget - head(true).length) ||
      records.some((record) => head(true).length + recordBytes(record) > budget);
    if (isLong) {
      const { frame } = packRecords(head(true), records, { start: 0, maxBytes: Infinity });
      return void link.stream(from, frame);
    }
    this.#sendPackets(from, head, records);
  }

  peerLeft(name: string): void {
    this.#allowances.delete(name);
  }

  #sendPackets(to: string, head: (isLast: boolean) => Buffer, records: readonly BusRecord[]): void {
    const { link } = this.#node;
    const maxBytes = link.packetBytes;
    let start = 0;
    do {
      const { frame, end } = packRecords(head(false), records, { start, maxBytes });
      const isLast = end >= records.length;
      link.send(to, isLast ? packRecords(head(true), records, { start, maxBytes }).frame : frame);
      start = end;
    } while (start < records.length);
  }

  #allowance(from: string): Allowance {
    const now = this.#node.context.clock.now();
    const burst = busLimits.answerBurstBytes;
    const perSecond = busLimits.answerBytesPerSecond;
    const known = this.#allowances.get(from);
    if (known === undefined) {
      const allowance = { bytes: burst, at: now };
      this.#allowances.set(from, allowance);
      return allowance;
    }
    known.bytes = Math.min(burst, known.bytes + ((now - known.at) * perSecond) / 1_000);
    known.at = now;
    return known;
  }
}
