/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The table of log lines: for each report code its level, its subsystem and its text. docs/LOGS.md is generated from
// it, with what each code means to an operator.
import type { ReportCode } from '../core/reports.js';
import { limits } from '../wire/limits.js';
import { configurationLines } from './configuration-lines.js';
import type { LineOf } from './line-of.js';

/** The log line of every report code. */
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
      `${peer} belongs to another cluster: it has ${describeLabel(theirs)}, this node has ${describeLabel(ours)}; ` +
      'if both belong together, configure the same label. This label is not reported again',
  ],
  'descriptors-short': [
    'warn',
    'stream',
    ({ detail }) =>
      `this process is nearly out of file descriptors (${detail}) and closes streams that peers open; ` +
      'look for a descriptor leak, or raise the limit of open files (ulimit -n)',
  ],
  'claim-refused': [
    'debug',
    'membership',
    ({ peer, detail }) => `ignored a claim about ${peer}: ${detail}`,
  ],
  'send-failed': [
    'debug',
    'packet',
    ({ peer, error }) => `a packet to ${peer} could not be sent: ${error.message}`,
  ],
  'exchange-failed': [
    'info',
    'stream',
    ({ peer, error }) => `push/pull with ${peer} failed: ${error.message}`,
  ],
  'exchanges-failing': [
    'warn',
    'stream',
    ({ peer, count, packetsPass, error }) =>
      `${count} push/pulls in a row failed, the last with ${peer}: ${error.message}; ` +
      (packetsPass
        ? 'the peer answers packets and accepts connections, but transfers stall: large segments may get lost, ' +
          'so check the MTU (tunnels, VPNs, overlay networks) and that ICMP is not filtered'
        : 'check that TCP to the peer is open, and that it has the same key and label'),
  ],
  'not-listed': [
    'warn',
    'stream',
    ({ peer, count, address }) =>
      `${count} members in a row, most recently ${peer}, sent a member table without this node (${address}): ` +
      'they refuse it (cidrsAllowed, an alive delegate), cannot reach that address (NAT or a ' +
      'port mapping: set advertiseAddr and advertisePort), or belong to another cluster',
  ],
  'state-too-large': [
    'warn',
    'delegate',
    ({ peer, size }) =>
      `${peer} sent a user state of ${size} bytes; the limit is ${limits.stateBytes}. Its members were merged, ` +
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
    ({ peer }) => `${peer} answered neither direct, indirect nor TCP pings; suspecting it`,
  ],
  'probe-stream-only': [
    'warn',
    'probe',
    ({ peer }) =>
      `${peer} answers over TCP but not over UDP: packets to it, or its answers, are lost; ` +
      'check that UDP is open in both directions',
  ],
  'event-loop-stalled': [
    'info',
    'core',
    ({ lateMs }) =>
      `this process stalled: periodic work ran ${Math.round(lateMs)} ms late; look for long ` +
      'synchronous work, garbage collection or CPU starvation',
  ],
  'probe-stalled': [
    'info',
    'probe',
    ({ peer, lateMs }) =>
      `this process stalled: a deadline fired ${Math.round(lateMs)} ms late, ` +
      `so the missing answer of ${peer} does not count as a failed probe`,
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
      `no ping to any member could be sent: ${error.message}; check the firewall and the routes of this host, ` +
      'and that it still has the address to which this node is bound',
  ],
  'sends-recovered': ['info', 'probe', () => 'pings can be sent again'],
  'address-conflict': [
    'warn',
    'membership',
    ({ peer, held, claimed }) =>
      `a claim gives ${peer} the address ${claimed}, but it is known at ${held}; ` +
      'two nodes may have the same name: rename one of them',
  ],
  'address-reclaimed': [
    'info',
    'membership',
    ({ peer, held, claimed }) =>
      `${peer} came back at ${claimed}; its previous address was ${held}`,
  ],
  'member-joined': ['info', 'membership', ({ peer, address }) => `${peer} at ${address} joined`],
  'member-updated': ['debug', 'membership', ({ peer }) => `${peer} has new metadata`],
  'member-suspected': ['info', 'membership', ({ peer, by }) => `${peer} is suspected by ${by}`],
  'member-refuted': ['info', 'membership', ({ peer }) => `${peer} refuted the suspicion`],
  'member-failed': [
    'info',
    'membership',
    ({ peer, by, confirmations }) =>
      confirmations === undefined
        ? `${peer} failed; declared dead by ${by}`
        : `${peer} failed; declared dead by ${by}; ${confirmations} other members confirmed the suspicion`,
  ],
  'member-left': ['info', 'membership', ({ peer }) => `${peer} left`],
  'member-reaped': ['debug', 'membership', ({ peer }) => `reaped ${peer}`],
  'suspicion-unconfirmed': [
    'debug',
    'membership',
    ({ peer, confirmations, wanted }) =>
      `the suspicion of ${peer} timed out with ${confirmations} of ${wanted} confirmations; ` +
      'this node itself may be slow or cut off',
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
      `an update about ${peer} has ${size} bytes and does not fit into a packet; only push/pull carries it. ` +
      'Raise udpBufferSize, or shorten names and metadata',
  ],
  'broadcasts-evicted': [
    'warn',
    'gossip',
    ({ count }) =>
      `the broadcast queue is full: ${count} updates are not gossiped, only push/pull carries them. ` +
      'Too many members change at once, or a peer sends forged members',
  ],
  'user-broadcast-too-large': [
    'warn',
    'delegate',
    ({ size, limit }) =>
      `getBroadcasts returned a message of ${size} bytes, but ${limit} bytes were available; the message is dropped. ` +
      'getBroadcasts must respect its limit argument',
  ],
  'user-broadcasts-evicted': [
    'warn',
    'delegate',
    ({ count }) =>
      `${count} broadcasts were dropped before they were sent: broadcast() is called faster than they can be sent`,
  ],
  rejoined: [
    'info',
    'discovery',
    ({ peer, address, first }) =>
      first
        ? `joined the cluster through ${peer === address ? peer : `${peer} at ${address}`}`
        : `reconnected to ${peer} at ${address}, which was not a member`,
  ],
  'rejoin-failed': [
    'debug',
    'discovery',
    ({ peer, error }) => `could not reconnect to ${peer}, which is not a member: ${error.message}`,
  ],
  'seeds-failed': [
    'info',
    'discovery',
    ({ peer, error }) => `${peer ?? 'the seeds'} could not be resolved: ${error.message}`,
  ],
  'seeds-unreachable': [
    'warn',
    'discovery',
    ({ peer, forMs, error }) =>
      `no seed could be joined for ${Math.round(forMs / 1_000)} s; the last attempt was ${peer}: ` +
      `${error.message}. The node keeps trying; this is not logged again until a seed was joined`,
  ],
  isolated: [
    'warn',
    'cluster-health',
    ({ expected }) => `no other member is alive; ${expected} members are expected`,
  ],
  minority: [
    'warn',
    'cluster-health',
    ({ members, expected }) =>
      `only ${members} of ${expected} expected members are alive; ` +
      'this node may be on the smaller side of a network partition',
  ],
  'quorum-restored': [
    'info',
    'cluster-health',
    ({ members, expected }) =>
      `quorum restored: ${members} of ${expected} expected members are alive`,
  ],
  flapping: [
    'warn',
    'cluster-health',
    ({ peer, count }) =>
      `${peer} failed ${count} times within ten minutes; this is not reported again until it is stable`,
  ],
  'snapshot-corrupt': [
    'warn',
    'snapshot',
    ({ path, aside, error }) =>
      `${path} is not a valid snapshot (${error.message}); it was renamed to ${aside}, and a new one will be written`,
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
      `${callback} threw: ${error.message}; this is a bug in the application code, not in this library`,
  ],
  'extension-threw': [
    'error',
    'extension',
    ({ extension, hook, error }) => `the extension ${extension} threw in ${hook}: ${error.message}`,
  ],
  'leave-withheld': [
    'warn',
    'core',
    ({ peer, address }) =>
      `left without broadcasting the leave: another node at ${address} also has the name ${peer}, ` +
      'and members would consider that node gone',
  ],
  'leave-unfinished': [
    'warn',
    'core',
    ({ error }) =>
      `shut down before the leave reached all members: ${error.message}; ` +
      'some may report this node as failed instead of left',
  ],
  'internal-error': [
    'error',
    'core',
    ({ error }) => `this is a bug in node-memberlist, please report it: ${error.message}`,
  ],
};

function describeLabel(label: string): string {
  return label === '' ? 'no label' : `the label ${JSON.stringify(label)}`;
}
