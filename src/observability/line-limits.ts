/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How often a line may be written. Every code stands here with what can cause it; a code that peers or the
// network can cause must have a bound, or this file does not compile.
import type { ReportCode } from '../core/reports.js';
import { limits } from '../wire/limits.js';

/** A bound on the lines of one code. What is held back is counted, and told at the end of the time. */
export interface LineBound {
  /** Lines in the time, of each kind: a code, and its reason or callback. */
  readonly lines: number;
  /** Milliseconds. */
  readonly windowMs: number;
  /** Each peer is a kind of its own, as far as `limits.logPeers` peers can be told apart. */
  readonly perPeer?: true;
}

/** What can cause a line, and how often it is written. */
export type LineLimit =
  /** What peers send, be they strangers or members. */
  | { readonly cause: 'peers'; readonly bound: LineBound }
  /** Packets that are lost, links that are down, peers that do not answer. */
  | { readonly cause: 'network'; readonly bound: LineBound }
  /** This process, its host or its user only. */
  | { readonly cause: 'local'; readonly bound?: LineBound };

const inWindow = (lines: number): LineBound => ({ lines, windowMs: limits.logWindowMs });
const ONE = inWindow(1);
// Timers of ours cause these: probes, exchanges, gossip rounds. The bound matters only for short intervals.
const AT_OUR_PACE = inWindow(10);
const ABOUT_MEMBERS = inWindow(limits.logLinesAboutMembers);
// A condition that lasts: once for each peer, and again while it goes on.
const LASTING: LineBound = { lines: 1, windowMs: limits.logLastingWindowMs, perPeer: true };

const peers = (bound: LineBound): LineLimit => ({ cause: 'peers', bound });
const network = (bound: LineBound): LineLimit => ({ cause: 'network', bound });
const local = (bound?: LineBound): LineLimit => ({ cause: 'local', ...(bound && { bound }) });

/**
 * Every code. Without the key of an encrypted cluster others can cause the first three of `peers` only; with
 * it, or without encryption, all of them.
 */
export const lineLimits: Readonly<Record<ReportCode, LineLimit>> = {
  'packet-dropped': peers(ONE),
  'stream-dropped': peers(ONE),
  'foreign-label': peers(ONE),
  'claim-refused': peers(ONE),
  'descriptors-short': peers(ONE),
  'state-too-large': peers(ONE),
  // Once until it is well again (exchange-watch.ts), for each peer.
  'exchanges-failing': network(ONE),
  'not-listed': peers(ONE),
  'send-failed': network(ONE),
  'exchange-failed': network(AT_OUR_PACE),
  exchanged: peers(AT_OUR_PACE),
  'probe-unanswered': network(AT_OUR_PACE),
  'probe-stream-only': network(LASTING),
  'event-loop-stalled': local(AT_OUR_PACE),
  'probe-stalled': local(AT_OUR_PACE),
  'probe-send-failed': network(LASTING),
  // Once until it is well again (core/probe/send-watch.ts).
  'sends-failed': network(ONE),
  'sends-recovered': network(ONE),
  'address-conflict': peers(ONE),
  'address-reclaimed': peers(ABOUT_MEMBERS),
  'member-joined': peers(ABOUT_MEMBERS),
  'member-updated': peers(ABOUT_MEMBERS),
  'member-suspected': peers(ABOUT_MEMBERS),
  'member-refuted': peers(ABOUT_MEMBERS),
  'member-failed': peers(ABOUT_MEMBERS),
  'member-left': peers(ABOUT_MEMBERS),
  'member-reaped': peers(ABOUT_MEMBERS),
  'suspicion-unconfirmed': peers(ABOUT_MEMBERS),
  refuted: peers(ONE),
  // Every `queueCheckInterval`; a depth that is held back is of no use.
  'queue-depth': local(),
  'broadcast-too-large': peers(ONE),
  'broadcasts-evicted': peers(ONE),
  'user-broadcast-too-large': local(ONE),
  'user-broadcasts-evicted': local(ONE),
  rejoined: peers(ABOUT_MEMBERS),
  'rejoin-failed': network(ONE),
  'seeds-failed': network(ONE),
  'seeds-unreachable': network(ONE),
  isolated: peers(ONE),
  minority: peers(ONE),
  'quorum-restored': peers(ONE),
  flapping: peers(ABOUT_MEMBERS),
  // Once in a life.
  'snapshot-corrupt': local(),
  // Once until it is well again (company/snapshot-keeper).
  'snapshot-failed': local(),
  // Messages from peers reach the user's code.
  'callback-threw': peers(ONE),
  'extension-threw': peers(ONE),
  // Once in a life, or until it is well again (own-address.ts).
  'public-address': local(),
  plaintext: local(),
  'other-registry': local(ONE),
  'address-not-allowed': local(),
  'address-gone': local(),
  'loopback-advertised': local(),
  // Once for each change of the file; a fault of it once until another one (security/key-file.ts).
  'key-file-read': local(),
  'key-file-mode': local(),
  'key-file-failed': local(ONE),
  'leave-withheld': peers(ONE),
  'leave-unfinished': local(),
  'internal-error': peers(ONE),
};

/** How often a line of this code may be written; undefined: always. */
export function boundOf(code: ReportCode): LineBound | undefined {
  return lineLimits[code].bound;
}
