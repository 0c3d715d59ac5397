/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/METRICS.md, made of the table in src/observability/metric-definitions.ts. `npm run docs` writes it.
import { dropReasons, type DropReason } from '../../../src/core/counters.js';
import { metricDefinitions } from '../../../src/observability/metric-definitions.js';

const INTRODUCTION = `# Metrics

Made by \`npm run docs\` from the table in \`src/observability/metric-definitions.ts\`.

<!-- check
assert.match(text, /memberlist_members/);
await list.shutdown();
-->

\`\`\`ts
import { Memberlist } from 'node-memberlist';
import { register } from 'prom-client';

const metrics = { registry: register };
const list = await Memberlist.create({ bindAddr: '127.0.0.1', bindPort: 0, metrics });
const text = await register.metrics(); // what your /metrics answers
\`\`\`

- \`registry\` is the registry that you serve, of prom-client 13, 14 or 15. \`metrics: {}\` publishes on the default
  registry of the prom-client that this package depends on: if your application has another copy, its \`register\` lacks
  these metrics, and \`other-registry\` in the log has both versions. \`labels\` adds
  labels of yours to every series, \`prefix\` takes the place of \`memberlist_\`. Off by default, and then
  prom-client is not even loaded. If it cannot be loaded, \`create\` throws a ConfigError; in a bundle of ES modules
  leave prom-client out (\`external\`), as it requires modules of Node's.
- Every series has the label \`node\`, so several Memberlists in one process share a registry. Those with the same
  name and the same labels are added up; a label of your own tells them apart.
- No label grows with the cluster: a node has the same number of series among 3 members and among 3000. Which
  peer it was is in the log ([LOGS.md](LOGS.md)).
- Every series is there from the start, at 0. A node that is shut down takes its series away, gauges and all.
- Values are read at the scrape; only the histograms are told of each event.
- [examples/grafana](../examples/grafana/README.md) has a dashboard and alert rules for these metrics.
`;

const REASONS: Readonly<Record<DropReason, string>> = {
  empty: 'a packet or message of no bytes',
  truncated: 'it ends in the middle',
  malformed: 'no valid MessagePack, or not what the message must have',
  'too-large': 'over a bound of [LIMITS.md](LIMITS.md)',
  'too-deep': 'nested deeper than anything legitimate',
  'unknown-type': 'no message type that there is; often something else that talks to the port',
  'bad-checksum': 'damaged on the way',
  'bad-compression': 'compressed, but not by the rules',
  'bad-label': 'of a cluster with another label, or without one',
  undecryptable: 'no installed key opens it, or it is in plaintext in an encrypted cluster',
  'queue-full':
    '`handoffQueueDepth` messages wait already: this process is too slow for what comes in',
  'too-many-pings': 'a packet with more pings than a node sends: only the first is answered',
  misaddressed: 'a ping for another name: an address has changed hands',
  'bad-address': 'an address that is none',
  'bad-name': 'an empty name',
  'name-too-long': 'a name that does not fit into a ping: see [LIMITS.md](LIMITS.md)',
  'bad-versions': 'versions that contradict themselves, or none where they are needed',
  'meta-too-large': 'metadata over 512 bytes',
  'not-allowed': 'from, or about, an address outside `cidrsAllowed`',
  'unknown-extension': 'a message of an extension that this node does not have',
  'refused-by-delegate': 'the alive delegate threw',
  'unexpected-ack': 'an answer that nobody waits for any more: mostly one that came too late',
  'unexpected-message': 'a message that belongs on a stream came as a packet',
  incompatible: 'a state exchange or a claim whose versions do not overlap with ours',
  'refused-merge': 'the merge delegate threw',
  'too-many-streams': 'a source had too many streams open to us',
  'too-many-exchanges': 'too many state exchanges at once',
  'too-many-members': 'the table holds `maxMembers` members, and the name is not among them',
  'too-many-bytes': 'streams held too much memory',
  'timed-out': 'a stream that did not end in `tcpTimeout`',
  broken: 'a stream that broke off',
};

/** The page. */
export function metricsPage(): string {
  const rows = metricDefinitions.map(({ name, kind, labels, help, meaning }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`memberlist_${name}\` | ${kind} | ${shown} | ${help}. ${meaning} |`;
  });
  const reasons = dropReasons.map((reason) => `| \`${reason}\` | ${REASONS[reason]} |`);
  return [
    INTRODUCTION,
    '## All of them',
    '',
    '| metric | type | labels | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '## Reasons of drops',
    '',
    'The values of `reason` in `memberlist_drops_total`:',
    '',
    '| reason | what arrived |',
    '| --- | --- |',
    ...reasons,
    '',
  ].join('\n');
}
