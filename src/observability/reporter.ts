/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the engine noticed, as log lines. One table: every code with its level, its subsystem and
// words that tell an operator what it means. Lines that others can bring about are folded
// (line-fold.ts), so that a flood of bad packets is not a flood of lines.
import type { Report, ReportCode } from '../core/reports.js';
import type { Clock } from '../core/ports.js';
import type { Logger } from '../config/options.js';
import { printable } from '../wire/printable.js';
import { LineFold } from './line-fold.js';
import { printableFields } from './printable-fields.js';

type Level = keyof Logger;

type LineOf<Code extends ReportCode> = readonly [
  level: Level,
  subsystem: string,
  text: (report: Extract<Report, { code: Code }>) => string,
];

/** Every code with its line. */
export const lines: { readonly [Code in ReportCode]: LineOf<Code> } = {
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
  'claim-refused': [
    'debug',
    'membership',
    ({ peer, detail }) => `ignored that ${peer} is alive: ${detail}`,
  ],
  'send-failed': ['debug', 'packet', ({ peer, error }) => `a packet to ${peer}: ${error.message}`],
  'exchange-failed': [
    'info',
    'stream',
    ({ peer, error }) => `push/pull with ${peer}: ${error.message}`,
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
  'member-recovered': ['info', 'membership', ({ peer }) => `${peer} refuted the suspicion of it`],
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
  'suspicion-degraded': [
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
  'user-broadcast-too-large': [
    'warn',
    'delegate',
    ({ size, limit }) =>
      `getBroadcasts returned a message of ${size} bytes where ${limit} were left; dropped. ` +
      'It must keep to the limit that it is given',
  ],
  rejoined: [
    'info',
    'rejoin',
    ({ peer, address }) => `exchanged state with ${peer} at ${address}, who was no member`,
  ],
  'rejoin-failed': [
    'debug',
    'rejoin',
    ({ peer, error }) => `tried to reach ${peer}, who is no member: ${error.message}`,
  ],
  'seeds-failed': [
    'info',
    'rejoin',
    ({ peer, error }) => `${peer ?? 'the seeds'} could not be looked up: ${error.message}`,
  ],
  isolated: [
    'warn',
    'rejoin',
    ({ expected }) => `everybody else is gone; ${expected} members should be there`,
  ],
  minority: [
    'warn',
    'rejoin',
    ({ members, expected }) =>
      `only ${members} of ${expected} members are there; we may be on the smaller side of a cut network`,
  ],
  recovered: [
    'info',
    'rejoin',
    ({ members, expected }) => `${members} of ${expected} members are there again`,
  ],
  flapping: [
    'warn',
    'rejoin',
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
  'public-address': [
    'warn',
    'core',
    ({ address }) =>
      `${address} is a public address and gossip is not encrypted; set secretKey or keyring`,
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

/** Writes reports to a logger. */
export class Reporter {
  readonly #logger: Logger;
  readonly #fold: LineFold;

  constructor(components: { logger: Logger; clock: Clock }) {
    this.#logger = components.logger;
    this.#fold = new LineFold(components, {
      write: (report, suppressed) => this.#write(report, suppressed),
    });
  }

  /** Writes one report, unless too many of its kind were written a moment ago. */
  readonly report = (report: Report): void => this.#fold.take(report);

  /** Writes what is held back, and leaves no timer behind. What is reported later is still written. */
  close(): void {
    this.#fold.close();
  }

  #write(report: Report, suppressed: number): void {
    const [level, subsystem, text] = lines[report.code] as LineOf<ReportCode>;
    const line = printable(text(report));
    const fields = printableFields({ subsystem, ...report });
    if (suppressed === 0) this.#logger[level](line, fields);
    else {
      const words = `${line} (and ${suppressed} more like it)`;
      this.#logger[level](words, { ...fields, suppressed });
    }
  }
}

function labelled(label: string): string {
  return label === '' ? 'no label' : `the label ${JSON.stringify(label)}`;
}
