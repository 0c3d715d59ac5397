/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the engine noticed, as log lines. One table: every code with its level, its subsystem and
// words that tell an operator what it means.
import type { ReportCode } from '../core/reports.js';
import { limits } from '../wire/limits.js';
import { configurationLines } from './configuration-lines.js';
import type { LineOf } from './line-of.js';

/** Every code with its line. */
export const lines: { readonly [Code in ReportCode]: LineOf<Code> } = {
  ...configurationLines,
  'packet-dropped': [
    'debug',
    'packet',
    ({ peer, reason, detail }) => `dropped a packet from ${peer} (${reason}): ${detail}`,
  ],
  'stream-dropped': [
    'debug',
    'stream',
    ({ peer, reason, detail }) => `dropped a stream from ${peer} (${reason}): ${detail}`,
  ],
  'foreign-label': [
    'warn',
    'core',
    ({ peer, theirs, ours }) =>
      `${peer} belongs to another cluster: it has ${labelled(theirs)}, we have ${labelled(ours)}; ` +
      'if it should not, give both the same label. More of the same is not said again',
  ],
  'descriptors-short': [
    'warn',
    'stream',
    ({ detail }) =>
      `this process has hardly any file descriptors left (${detail}), so streams of other nodes are closed; ` +
      'find what holds them, or raise the limit of open files (ulimit -n)',
  ],
  'claim-refused': [
    'debug',
    'membership',
    ({ peer, detail }) => `ignored a claim about ${peer}: ${detail}`,
  ],
  'send-failed': ['debug', 'packet', ({ peer, error }) => `a packet to ${peer}: ${error.message}`],
  'exchange-failed': [
    'info',
    'stream',
    ({ peer, error }) => `push/pull with ${peer}: ${error.message}`,
  ],
  'exchanges-failing': [
    'warn',
    'stream',
    ({ peer, count, packetsPass, error }) =>
      `${count} push/pulls in a row failed, the last with ${peer}: ${error.message}; ` +
      (packetsPass
        ? 'it answers packets, and connections to it are made but stall: large segments may get lost ' +
          'on the way, so check the MTU (tunnels, VPNs, overlay networks) and that ICMP is not filtered'
        : 'check that TCP is open to it, and that it has the same key and label'),
  ],
  'not-listed': [
    'warn',
    'stream',
    ({ peer, count, address }) =>
      `the last ${count} members that sent their table, ${peer} the last of them, do not list this node at ` +
      `${address}: they refuse it (cidrsAllowed, an alive delegate), cannot reach that address (NAT or a ` +
      'port mapping: set advertiseAddr and advertisePort), or belong to another cluster',
  ],
  'state-too-large': [
    'warn',
    'delegate',
    ({ peer, size }) =>
      `${peer} sent a user state of ${size} bytes; ${limits.stateBytes} are taken. Its members were merged, ` +
      'its state was not',
  ],
  exchanged: [
    'debug',
    'stream',
    ({ peer, durationMs, bytes }) =>
      `push/pull with ${peer}: ${bytes.sent} bytes sent, ${bytes.received} received, ` +
      `${Math.round(durationMs)} ms`,
  ],
  'probe-unanswered': [
    'debug',
    'probe',
    ({ peer }) => `${peer} answered no ping of this round, by any route; suspecting it`,
  ],
  'probe-stream-only': [
    'warn',
    'probe',
    ({ peer }) =>
      `${peer} answers over TCP but our packets or its answers do not get through; ` +
      'check that UDP is open in both directions',
  ],
  'event-loop-stalled': [
    'info',
    'core',
    ({ lateMs }) =>
      `this process stalled: periodic work came ${Math.round(lateMs)} ms late; look for long ` +
      'synchronous work, garbage collection or too little CPU',
  ],
  'probe-stalled': [
    'info',
    'probe',
    ({ peer, lateMs }) =>
      `this process stalled: a deadline fired ${Math.round(lateMs)} ms late, ` +
      `so ${peer} is not blamed for its silence`,
  ],
  'probe-send-failed': [
    'warn',
    'probe',
    ({ peer, error }) =>
      `could not send a ping to ${peer}: ${error.message}; check routes and the local firewall`,
  ],
  'sends-failed': [
    'warn',
    'probe',
    ({ error }) =>
      `no ping to any member could be sent: ${error.message}; check this host's firewall, its ` +
      'routes, and that its address is the one that this node is bound to',
  ],
  'sends-recovered': ['info', 'probe', () => 'pings can be sent again'],
  'address-conflict': [
    'warn',
    'membership',
    ({ peer, held, claimed }) =>
      `${peer} is claimed at ${claimed} while it is known at ${held}; ` +
      'two nodes may have the same name: rename one of them',
  ],
  'address-reclaimed': [
    'info',
    'membership',
    ({ peer, held, claimed }) => `${peer} is back at ${claimed}, it was at ${held}`,
  ],
  'member-joined': ['info', 'membership', ({ peer, address }) => `${peer} at ${address} joined`],
  'member-updated': ['debug', 'membership', ({ peer }) => `${peer} has new metadata`],
  'member-suspected': ['info', 'membership', ({ peer, by }) => `${peer} is suspected by ${by}`],
  'member-refuted': ['info', 'membership', ({ peer }) => `${peer} refuted the suspicion of it`],
  'member-failed': [
    'info',
    'membership',
    ({ peer, by, confirmations }) =>
      confirmations === undefined
        ? `${peer} failed, says ${by}`
        : `${peer} failed, says ${by}; ${confirmations} others had confirmed the suspicion`,
  ],
  'member-left': ['info', 'membership', ({ peer }) => `${peer} left`],
  'member-reaped': ['debug', 'membership', ({ peer }) => `${peer} is forgotten`],
  'suspicion-unconfirmed': [
    'debug',
    'membership',
    ({ peer, confirmations, wanted }) =>
      `the suspicion of ${peer} ran out with ${confirmations} of ${wanted} confirmations; ` +
      'we may be slow or cut off ourselves',
  ],
  refuted: [
    'info',
    'membership',
    ({ claim, incarnation }) => `refuted (${claim}) with incarnation ${incarnation}`,
  ],
  'queue-depth': ['debug', 'gossip', ({ depth }) => `${depth} broadcasts are queued`],
  'broadcast-too-large': [
    'warn',
    'gossip',
    ({ peer, size }) =>
      `a claim about ${peer} has ${size} bytes and fits into no packet; it travels by ` +
      'push/pull only. Raise udpBufferSize, or shorten names and metadata',
  ],
  'broadcasts-evicted': [
    'warn',
    'gossip',
    ({ count }) =>
      `the broadcast queue is full: ${count} claims are not passed on and travel by push/pull only. ` +
      'More members than this change at once, or somebody invents members',
  ],
  'user-broadcast-too-large': [
    'warn',
    'delegate',
    ({ size, limit }) =>
      `getBroadcasts returned a message of ${size} bytes where ${limit} were left; dropped. ` +
      'It must keep to the limit that it is given',
  ],
  'user-broadcasts-evicted': [
    'warn',
    'delegate',
    ({ count }) =>
      `${count} broadcasts were dropped before they were sent: broadcast() is called faster than members can be told`,
  ],
  rejoined: [
    'info',
    'discovery',
    ({ peer, address, first }) =>
      first
        ? `joined the cluster through ${peer === address ? peer : `${peer} at ${address}`}`
        : `exchanged state with ${peer} at ${address}, which was not a member`,
  ],
  'rejoin-failed': [
    'debug',
    'discovery',
    ({ peer, error }) => `tried to reach ${peer}, which is not a member: ${error.message}`,
  ],
  'seeds-failed': [
    'info',
    'discovery',
    ({ peer, error }) => `${peer ?? 'the seeds'} could not be looked up: ${error.message}`,
  ],
  'seeds-unreachable': [
    'warn',
    'discovery',
    ({ peer, forMs, error }) =>
      `no seed could be joined for ${Math.round(forMs / 1_000)} s; the last attempt was ${peer}: ` +
      `${error.message}. They are tried again; this is not logged again until one was joined`,
  ],
  isolated: [
    'warn',
    'cluster-health',
    ({ expected }) => `everybody else is gone; ${expected} members should be there`,
  ],
  minority: [
    'warn',
    'cluster-health',
    ({ members, expected }) =>
      `only ${members} of ${expected} members are there; we may be on the smaller side of a cut network`,
  ],
  'quorum-restored': [
    'info',
    'cluster-health',
    ({ members, expected }) => `${members} of ${expected} members are there again`,
  ],
  flapping: [
    'warn',
    'cluster-health',
    ({ peer, count }) => `${peer} failed ${count} times within ten minutes; this is not said again`,
  ],
  'snapshot-corrupt': [
    'warn',
    'snapshot',
    ({ path, aside, error }) =>
      `${path} is no snapshot (${error.message}); it is at ${aside} now, and a new one will be written`,
  ],
  'snapshot-failed': [
    'warn',
    'snapshot',
    ({ path, error }) => `the snapshot ${path} cannot be read or written: ${error.message}`,
  ],
  'callback-threw': [
    'error',
    'delegate',
    ({ callback, error }) =>
      `${callback} threw: ${error.message}; this is a bug in the code round this library`,
  ],
  'extension-threw': [
    'error',
    'extension',
    ({ extension, hook, error }) => `the extension ${extension}, in ${hook}: ${error.message}`,
  ],
  'leave-withheld': [
    'warn',
    'core',
    ({ peer, address }) =>
      `left without telling anybody: another node at ${address} answers to the name ${peer}, ` +
      'and all would take that one for gone',
  ],
  'leave-unfinished': [
    'warn',
    'core',
    ({ error }) =>
      `shut down before everybody could hear of the leave: ${error.message}; ` +
      'others may call this node failed instead of left',
  ],
  'internal-error': [
    'error',
    'core',
    ({ error }) => `this is a bug in node-memberlist, please report it: ${error.message}`,
  ],
};

function labelled(label: string): string {
  return label === '' ? 'no label' : `the label ${JSON.stringify(label)}`;
}
