/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/LOGS.md, made of the table in src/observability/report-lines.ts and of what each code means for whoever
// runs the service. `npm run docs` writes it.
import type { ReportCode } from '../../../src/core/reports.js';
import { lineLimits } from '../../../src/observability/line-limits.js';
import { lines } from '../../../src/observability/report-lines.js';
import { limits } from '../../../src/wire/limits.js';

const INTRODUCTION = `# Logs

Made by \`npm run docs\` from the table in \`src/observability/report-lines.ts\`.

Without a \`logger\`, \`warn\` and \`error\` go to stderr: one line each, at most ${limits.logStderrLines} in ${limits.logWindowMs / 1000} s from all nodes
of the process, then the number of those held back; in colour on a terminal (\`NO_COLOR\` and \`FORCE_COLOR\` count). A
stderr that is closed, or that nobody reads, holds nothing up. \`logger: false\` writes none of them.

    2026-11-27T12:40:01.123Z node-memberlist warn: gossip is not encrypted, and … [plaintext]

All levels go to the [debug](https://www.npmjs.com/package/debug) package, which is silent
unless it is asked: \`DEBUG=memberlist:*\` for all, \`DEBUG=memberlist:probe\` for one subsystem. What it shows does not
go to stderr as well. (In a bundle of ES modules, where \`debug\` cannot be loaded, \`DEBUG\` works all the same.) With
\`logger\` all lines go there: \`console\`, pino, or anything with \`debug\`, \`info\`, \`warn\` and \`error\` that takes a
message and an object of fields.

<!-- setup
const logger = { ...console, info: () => undefined };
-->
<!-- check
await list.shutdown();
-->

\`\`\`ts
import { Memberlist } from 'node-memberlist';

const list = await Memberlist.create({ bindAddr: '127.0.0.1', bindPort: 0, logger });
\`\`\`

- Every line has a stable \`code\` in its fields, its \`subsystem\`, and the \`peer\`, by name or address, where there
  is one. Search for codes; the words may change.
- \`error\`: a bug, here or in the code round the library. \`warn\`: somebody should look. \`info\`: what happened to
  the cluster. \`debug\`: for whoever hunts a problem. A rolling restart writes nothing at \`warn\` or above.
- Lines that peers or the network can cause are **bounded**: the column "at most" has the number of lines of each
  reason. At the end of the time the last of those held back is written, with the number of the others as
  \`suppressed\`. No count is lost. Of lines for each peer the first ${limits.logPeers} peers have their own; all others share one, and what is held
  back is told with the next line, or at the end.
- Text that peers choose (names, labels, texts of errors) is escaped in lines and in fields: control characters
  and everything that reorders or hides text. A line, and each text in its fields, has at most
  ${limits.logLineCharacters} characters. Names of events and of \`members()\` are exact; \`printable(name)\` does the same for them.
- An \`error\` in the fields is a plain object \`{ type, message, code, stack, cause }\`, so that JSON has it; \`code\` and
  \`cause\` are there if the error has them, and four causes at most. pino gets it as \`err\`.
- In a \`SimulatedCluster\` nodes have \`logger: false\` unless you set one.
- A line may contain \`%\`. \`console\` gets it as text. A logger of your own that passes lines on to something
  that formats as \`printf\` does must give them as an argument: \`info: (message, fields) => write('%s', message, fields)\`.
`;

const MEANING: Readonly<Record<ReportCode, string>> = {
  'packet-dropped':
    'A packet was not used. `reason` is one of [those of drops](METRICS.md#reasons-of-drops). Now and then is normal; much of it is another program, label or key on this port.',
  'stream-dropped':
    'The same for a TCP connection. `broken` and `timed-out` are usual when a peer is killed.',
  'foreign-label':
    'Two clusters share a network, or a node lacks its label. Set `label` alike on all, or keep them apart.',
  'descriptors-short':
    'The process is about to reach its limit of open files. Streams of others are closed until there are descriptors again, so push/pulls and joins through this node fail; packets still work. Look for what leaks descriptors, or raise `ulimit -n`.',
  'claim-refused':
    'Somebody was said to be alive and we do not take it, for `reason`: a network outside `cidrsAllowed`, metadata too large, or the alive delegate refused.',
  'send-failed':
    'The system did not send a packet. One peer: it is gone, as a probe will find. All of them: look at routes, firewall and interfaces of this host.',
  'exchange-failed':
    'A regular push/pull failed. Now and then, as members die: nothing. With one peer always: is TCP open to it? The same versions, label and key?',
  'exchanges-failing':
    'Three regular push/pulls in a row failed, with one peer or with all; told once, until one succeeds. With `packetsPass`, packets and connections get through and large segments do not: look for an MTU that is smaller on the way.',
  'not-listed':
    'Three members in a row sent a table without this node: they refuse it, cannot reach its address, or are of another cluster. Look at their logs for `claim-refused`; told once, until one lists it.',
  'state-too-large':
    'The `localState` of a peer is over 20 MiB. Its members were merged, the state was not. Keep states small.',
  exchanged: 'A push/pull of ours succeeded, with its size and time.',
  'probe-unanswered': 'Nobody got an answer from the peer; the suspicion begins.',
  'probe-stream-only':
    'UDP does not get through, in one of the directions. Open the gossip port for UDP both ways; check NAT and MTU.',
  'event-loop-stalled':
    'Something blocked this process for longer than `probeTimeout`. Look for synchronous work, garbage collection, too little CPU; others suspect a node that stalls.',
  'probe-stalled':
    'A probe was not held against the peer because this process stalled meanwhile. See `event-loop-stalled`.',
  'probe-send-failed':
    'A ping could not be sent to this address: look at routes, firewall and buffers of this host. Other members and a ping over TCP decide whether the peer is suspected.',
  'sends-failed':
    'No ping of a whole pass over the members could be sent; the error says why. The cause is on this host: a firewall rule, an address that was taken away, no route. Written once until pings can be sent again.',
  'sends-recovered': 'A ping could be sent again, or was answered.',
  'address-conflict':
    'Two nodes have one name. Both addresses are in the line; rename one. After an address change without a leave: wait, or set `deadNodeReclaimTime`.',
  'address-reclaimed': 'A member came back under a new address, as containers do.',
  'member-joined': 'A member is there, for the first time or again.',
  'member-updated': 'A member has new metadata.',
  'member-suspected':
    'A member does not answer `by`, and has some time to refute. Often the same `by`: look at that node.',
  'member-refuted': 'It refuted: it was alive. Often: it stalls, or its network loses packets.',
  'member-failed':
    'A member was declared dead: it crashed, was killed without a leave, or is cut off.',
  'member-left': 'A member left by itself.',
  'member-reaped': 'A dead or departed member is forgotten, after `gossipToTheDeadTime`.',
  'suspicion-unconfirmed':
    'A member was declared dead though fewer had confirmed it than wanted. Many of these: we are cut off ourselves.',
  refuted:
    'Others thought that we were gone, or had heard of an earlier life of ours, and we set it right. After a restart: normal. Often: this node stalls, or its packets get lost.',
  'queue-depth': 'How many broadcasts wait, every `queueCheckInterval`.',
  'broadcast-too-large':
    'News of a member fits into no packet and travels by push/pull only. Raise `udpBufferSize`, or shorten names and metadata.',
  'broadcasts-evicted':
    'More changes than the queue holds wait to be gossiped, `count` of them are left to push/pull. Somebody may invent members.',
  'user-broadcast-too-large':
    'The delegate gave more bytes than there was room for. A `TransmitLimitedQueue` keeps to the limit.',
  'extension-threw':
    'A hook, a listener or a timer of an extension threw or rejected; `extension` and `hook` say which. The node and the other extensions go on. It is a bug in that extension.',
  'callback-threw':
    'A listener or delegate threw or rejected; `callback` says which, and the line on stderr where. The protocol goes on. Fix it.',
  'public-address':
    'The advertised address is public and there is no key, so gossip goes over the internet in plaintext. Set `secretKey`, `keyring` or `keyFile`, or advertise a private address. `plaintext: true` silences it.',
  plaintext:
    'There is no key, and the advertised address is neither loopback nor public: whoever reaches the port can read and say anything. Set `secretKey`, `keyring` or `keyFile`; `plaintext: true` silences it. Logged once, at the start.',
  'other-registry':
    '`metrics` has no `registry`, and the application loads another copy of prom-client than this package, so that its own registry lacks these metrics. `ours` and `theirs` are the versions. Pass `metrics: { registry: register }` with the `register` that the application serves.',
  'leave-withheld':
    'Two nodes have one name, and this one left: nobody was told, as the others would take the other one for gone. See `address-conflict`.',
  'leave-unfinished':
    'There was no time to tell everybody of the leave; some may report `failed`. Give `leave` more time.',
  'user-broadcasts-evicted':
    '`broadcast` was called faster than the members can be told: more than 16,384 messages or 16 MiB waited, and the oldest `count` were dropped. Broadcast less, or give messages a `name` so that newer ones replace older ones.',
  'key-file-read': 'The `keyFile` has changed, and its keys are in use. The line never has a key.',
  'key-file-failed':
    'The `keyFile` has changed and cannot be read, or a line of it is no key. The node goes on with the keys that it has, and reads the file again when it changes. Logged once for each fault.',
  'key-file-mode':
    'More users than the owner and the group may read the `keyFile`, or others than the owner may write it. `chmod 0640`, or `defaultMode: 0640` for a volume of Kubernetes.',
  rejoined:
    'The first contact with the cluster (`first`), or a member that had failed, or a seed, was reached again, and the clusters are one.',
  'rejoin-failed':
    'A lost member or a seed did not answer; it is tried again. Gone for good? `forget(name)`.',
  'seeds-unreachable':
    'This node is alone, and no seed could be joined for `forMs` milliseconds; `error` is the last failure. Is the name right, does anything listen there, does a firewall drop TCP? Seeds that lead to this node itself count as failed. Logged once, and again only after a seed was joined.',
  'address-not-allowed':
    'The address that this node advertises is outside its own `cidrsAllowed`, so that members with the same list refuse it. Add the network, or advertise another address.',
  'address-gone':
    'The advertised address was on an interface when the node started and is not any more: it changed (DHCP), or the interface is down. Others find this node failed. Restart it, or bring the address back.',
  'loopback-advertised':
    'The advertised address is loopback and the seed is on another host, which cannot reach this node. Set `bindAddr` or `advertiseAddr` to an address of this host.',
  'seeds-failed':
    'Of the `seeds` none could be looked up or reached; they are tried again. Does the name resolve here? Is anybody there?',
  isolated:
    'Everybody else is gone. Unless this is the last node: this host is cut off. It keeps looking for the others.',
  minority:
    'Half of the members or more are gone at once: most likely a partition, with this node on the smaller side.',
  'quorum-restored': 'The members are back, as many as are expected.',
  flapping:
    'A member keeps joining and failing, `count` times in a short while. Look at its log, its processor and its network.',
  'snapshot-corrupt':
    'The file could not be read; it was renamed aside, and the node started without it. Nothing else is lost.',
  'snapshot-failed':
    'The file could not be written; it is tried again. Look at the disk, and at the rights of the folder.',
  'internal-error': 'Please report it, with the stack in `error`.',
};

const RANK = ['error', 'warn', 'info', 'debug'];

/** The page. */
export function logsPage(): string {
  const codes = (Object.keys(lines) as ReportCode[]).sort(
    (a, b) => RANK.indexOf(lines[a][0]) - RANK.indexOf(lines[b][0]) || (a < b ? -1 : 1),
  );
  const rows = codes.map((code) => {
    const [level, subsystem] = lines[code];
    const { cause } = lineLimits[code];
    return `| \`${code}\` | ${level} | \`${subsystem}\` | ${cause} | ${atMost(code)} | ${MEANING[code]} |`;
  });
  return [
    INTRODUCTION,
    '## Codes',
    '',
    '| code | level | subsystem | caused by | at most | what it means, and what to do |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function atMost(code: ReportCode): string {
  const { bound } = lineLimits[code];
  if (bound === undefined) return '';
  const { lines: most, windowMs, perPeer } = bound;
  const time = windowMs < 60_000 ? `${windowMs / 1000} s` : `${windowMs / 60_000} min`;
  return `${most} in ${time}${perPeer === true ? ' for each peer' : ''}`;
}
