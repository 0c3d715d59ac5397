/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The rate limit of each log line, with its cause. A code that peers or the network can cause must have a bound;
// otherwise this file does not compile.
import type { ReportCode } from '../core/reports.js';
import { limits } from '../wire/limits.js';

/** A bound on the lines of one code. Suppressed lines are counted and reported at the end of the window. */
export interface LineBound {
  /** Lines per window, for each kind: a code with its reason or callback. */
  readonly lines: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
  /** The bound applies to each peer separately, for up to `limits.logPeers` peers; all others share one. */
  readonly perPeer?: true;
}

/** The cause of a line, and how often it may be written. */
export type LineLimit =
  /** Data from peers, whether they are members or not. */
  | { readonly cause: 'peers'; readonly bound: LineBound }
  /** Lost packets, broken links, peers that do not answer. */
  | { readonly cause: 'network'; readonly bound: LineBound }
  /** Only this process, its host or its user. */
  | { readonly cause: 'local'; readonly bound?: LineBound };

const inWindow = (lines: number): LineBound => ({ lines, windowMs: limits.logWindowMs });
const ONE = inWindow(1);
// Timers of this node cause these: probes, exchanges, gossip rounds. The bound matters only for short intervals.
const PERIODIC = inWindow(10);
const ABOUT_MEMBERS = inWindow(limits.logLinesAboutMembers);
// A persistent condition: once for each peer, and again after each window while it persists.
const PERSISTENT: LineBound = { lines: 1, windowMs: limits.logLastingWindowMs, perPeer: true };

const peers = (bound: LineBound): LineLimit => ({ cause: 'peers', bound });
const network = (bound: LineBound): LineLimit => ({ cause: 'network', bound });
const local = (bound?: LineBound): LineLimit => ({ cause: 'local', ...(bound && { bound }) });

/**
 * Every code. In an encrypted cluster, a peer without the key can cause only the first three lines of `peers`; with the
 * key, or without encryption, all of them.
 */
export const lineLimits: Readonly<Record<ReportCode, LineLimit>> = {
  'packet-dropped': peers(ONE),
  'stream-dropped': peers(ONE),
  'foreign-label': peers(ONE),
  'claim-refused': peers(ONE),
  'descriptors-short': peers(ONE),
  'state-too-large': peers(ONE),
  // Once for each peer until an exchange succeeds (node/exchange-watch.ts).
  'exchanges-failing': network(ONE),
  'not-listed': peers(ONE),
  'send-failed': network(ONE),
  'exchange-failed': network(PERIODIC),
  exchanged: peers(PERIODIC),
  'probe-unanswered': network(PERIODIC),
  'probe-stream-only': network(PERSISTENT),
  'event-loop-stalled': local(PERIODIC),
  'probe-stalled': local(PERIODIC),
  'probe-send-failed': network(PERSISTENT),
  // Once until pings can be sent again (core/probe/send-watch.ts).
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
  // Every `queueCheckInterval`; a suppressed depth would be useless.
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
  // Once per node.
  'snapshot-corrupt': local(),
  // Once until the file can be written again (discovery/snapshot-keeper.ts).
  'snapshot-failed': local(),
  // Messages from peers reach callbacks of the application.
  'callback-threw': peers(ONE),
  'extension-threw': peers(ONE),
  // Once per node, or until the address is back (node/own-address.ts).
  'public-address': local(),
  plaintext: local(),
  'other-registry': local(ONE),
  'address-not-allowed': local(),
  'address-gone': local(),
  'loopback-advertised': local(),
  // Once for each change of the file; a fault once until it changes (security/key-file.ts).
  'key-file-read': local(),
  'key-file-mode': local(),
  'key-file-failed': local(ONE),
  'leave-withheld': peers(ONE),
  'leave-unfinished': local(),
  'internal-error': peers(ONE),
};

/** How often a line of this code may be written; undefined: without limit. */
export function boundOf(code: ReportCode): LineBound | undefined {
  return lineLimits[code].bound;
}
