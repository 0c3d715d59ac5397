/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the engine observed, as data. The core neither logs nor measures; the running node turns each report into a
// log line and, for some, a metric. Codes are stable: operators search for them.
import type { DropReason } from './counters.js';

/** Bytes of a push/pull on the wire. */
export interface ExchangedBytes {
  readonly sent: number;
  readonly received: number;
}

/** An observation for the log. `peer` is the other node's name or address. */
export type Report =
  | { readonly code: 'packet-dropped'; peer: string; reason: DropReason; detail: string }
  | { readonly code: 'stream-dropped'; peer: string; reason: DropReason; detail: string }
  | { readonly code: 'descriptors-short'; peer?: undefined; detail: string }
  | { readonly code: 'foreign-label'; peer: string; theirs: string; ours: string }
  | { readonly code: 'send-failed'; peer: string; error: Error }
  | { readonly code: 'exchange-failed'; peer: string; error: Error }
  | {
      readonly code: 'exchanges-failing';
      peer: string;
      count: number;
      /** The peer answers packets, and streams to it open, but stall. */
      packetsPass: boolean;
      error: Error;
    }
  | { readonly code: 'not-listed'; peer: string; count: number; address: string }
  | { readonly code: 'state-too-large'; peer: string; size: number }
  | { readonly code: 'exchanged'; peer: string; durationMs: number; bytes: ExchangedBytes }
  | { readonly code: 'probe-unanswered'; peer: string; healthScore: number }
  | { readonly code: 'probe-stream-only'; peer: string }
  | { readonly code: 'event-loop-stalled'; peer?: undefined; lateMs: number }
  | { readonly code: 'probe-stalled'; peer: string; lateMs: number }
  | { readonly code: 'probe-send-failed'; peer: string; error: Error }
  | { readonly code: 'claim-refused'; peer: string; reason: DropReason; detail: string }
  | { readonly code: 'sends-failed'; peer?: undefined; error: Error }
  | { readonly code: 'sends-recovered'; peer?: undefined }
  | { readonly code: 'address-conflict'; peer: string; held: string; claimed: string }
  | { readonly code: 'address-reclaimed'; peer: string; held: string; claimed: string }
  | { readonly code: 'member-joined'; peer: string; address: string }
  | { readonly code: 'member-updated'; peer: string }
  | { readonly code: 'member-suspected'; peer: string; by: string }
  | { readonly code: 'member-refuted'; peer: string }
  | { readonly code: 'member-failed'; peer: string; by: string; confirmations?: number }
  | { readonly code: 'member-left'; peer: string }
  | { readonly code: 'member-reaped'; peer: string }
  | { readonly code: 'suspicion-unconfirmed'; peer: string; confirmations: number; wanted: number }
  | { readonly code: 'refuted'; peer: string; claim: string; accused: boolean; incarnation: number }
  | { readonly code: 'queue-depth'; peer?: undefined; depth: number }
  | { readonly code: 'broadcast-too-large'; peer: string; size: number }
  | { readonly code: 'broadcasts-evicted'; peer?: undefined; count: number }
  | { readonly code: 'user-broadcast-too-large'; peer?: undefined; size: number; limit: number }
  | { readonly code: 'user-broadcasts-evicted'; peer?: undefined; count: number }
  | { readonly code: 'key-file-read'; peer?: undefined; path: string; keys: number }
  | { readonly code: 'key-file-failed'; peer?: undefined; path: string; error: Error }
  | { readonly code: 'key-file-mode'; peer?: undefined; path: string; mode: string }
  | { readonly code: 'rejoined'; peer: string; address: string; first: boolean }
  | { readonly code: 'rejoin-failed'; peer: string; error: Error }
  | { readonly code: 'seeds-failed'; peer?: string; error: Error }
  | { readonly code: 'seeds-unreachable'; peer: string; forMs: number; error: Error }
  | {
      readonly code: 'snapshot-corrupt';
      peer?: undefined;
      path: string;
      aside: string;
      error: Error;
    }
  | { readonly code: 'snapshot-failed'; peer?: undefined; path: string; error: Error }
  | { readonly code: 'isolated'; peer?: undefined; members: number; expected: number }
  | { readonly code: 'minority'; peer?: undefined; members: number; expected: number }
  | { readonly code: 'quorum-restored'; peer?: undefined; members: number; expected: number }
  | { readonly code: 'flapping'; peer: string; count: number }
  | { readonly code: 'callback-threw'; peer?: undefined; callback: string; error: Error }
  | {
      readonly code: 'extension-threw';
      peer?: undefined;
      extension: string;
      /** The hook that was called. */
      hook: string;
      error: Error;
    }
  | { readonly code: 'public-address'; peer?: undefined; address: string }
  | { readonly code: 'plaintext'; peer?: undefined; address: string }
  | { readonly code: 'other-registry'; peer?: undefined; ours: string; theirs: string }
  | { readonly code: 'leave-withheld'; peer: string; address: string }
  | { readonly code: 'address-not-allowed'; peer?: undefined; address: string }
  | { readonly code: 'address-gone'; peer?: undefined; address: string }
  | { readonly code: 'loopback-advertised'; peer: string; address: string }
  | { readonly code: 'leave-unfinished'; peer?: undefined; error: Error }
  | { readonly code: 'internal-error'; peer?: string; error: Error };

export type ReportCode = Report['code'];
