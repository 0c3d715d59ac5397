/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What is counted on the hot paths: plain numbers, read by whoever wants them.
import type { WireFault } from '../wire/wire-error.js';

/** Why something that arrived was not used. */
export type DropReason =
  | WireFault
  | 'queue-full'
  | 'misaddressed'
  | 'bad-address'
  | 'bad-name'
  | 'bad-versions'
  | 'meta-too-large'
  | 'not-allowed'
  | 'refused-by-delegate'
  | 'unexpected-ack'
  | 'unexpected-message'
  | 'incompatible'
  | 'refused-merge'
  | 'too-many-streams'
  | 'too-many-exchanges'
  | 'too-many-bytes'
  | 'timed-out'
  | 'broken';

/** How a probe round ended. */
export type ProbeOutcome = 'direct' | 'indirect' | 'stream' | 'failed' | 'stalled' | 'abandoned';

/** How an attempt to rejoin somebody ended. */
export type RejoinOutcome = 'joined' | 'failed';

/** Running totals since the node was created. */
export class Counters {
  packetsIn = 0;
  packetsOut = 0;
  packetBytesIn = 0;
  packetBytesOut = 0;
  sendFailures = 0;
  refutations = 0;
  degradedSuspicions = 0;
  callbackErrors = 0;
  recoveries = 0;
  flapping = 0;
  readonly rejoins: Record<RejoinOutcome, number> = { joined: 0, failed: 0 };
  readonly drops = new Map<DropReason, number>();
  readonly probes = new Map<ProbeOutcome, number>();

  drop(reason: DropReason): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  probe(outcome: ProbeOutcome): void {
    this.probes.set(outcome, (this.probes.get(outcome) ?? 0) + 1);
  }
}
