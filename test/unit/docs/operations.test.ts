/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/OPERATIONS.md names nothing that does not exist: metrics, log codes, reasons, settings, events,
// commands, alerts and pages.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { agent } from '../../../src/cli/agent.js';
import { doctor } from '../../../src/cli/doctor.js';
import { keygen } from '../../../src/cli/keygen.js';
import { members } from '../../../src/cli/members.js';
import { ping } from '../../../src/cli/ping.js';
import { simulate } from '../../../src/cli/simulate.js';
import { rules } from '../../../src/config/rules.js';
import { lanConfig } from '../../../src/config/presets.js';
import { dropReasons } from '../../../src/core/counters.js';
import { metricDefinitions } from '../../../src/observability/metric-definitions.js';
import { lines } from '../../../src/observability/report-lines.js';

const root = new URL('../../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const page = read('docs/OPERATIONS.md');
const prose = page.replace(/```[^]*?```/g, '');
const events = [...read('src/observability/member-events.ts').matchAll(/^ {2}(\w+): \[/gm)].map(
  ([, name = '']) => name,
);

function matches(pattern: RegExp, text = page): string[] {
  return Array.from(text.matchAll(pattern), ([, name = '']) => name);
}

test('the metrics that it names exist', () => {
  const known = new Set(metricDefinitions.map(({ name }) => `memberlist_${name}`));
  const named = matches(/\b(memberlist_\w+)/g);
  assert.ok(named.length > 25);
  for (const name of named) assert.ok(known.has(name), name);
});

test('every hyphenated word is a log code or a drop reason', () => {
  const known = new Set([...Object.keys(lines), ...dropReasons]);
  const named = matches(/`([a-z]+(?:-[a-z]+)+)`/g, prose);
  assert.ok(named.length > 40);
  for (const name of named) assert.ok(known.has(name), name);
});

test('every drop reason has advice', () => {
  const section = page.slice(page.indexOf('### Packets or streams are dropped'));
  const table = section.slice(0, section.indexOf('### ', 4));
  const named = new Set(matches(/`([a-z]+(?:-[a-z]+)*)`/g, table));
  for (const reason of dropReasons) assert.ok(named.has(reason), reason);
});

test('every other name is a setting, an event, or one of a few', () => {
  const few = [
    ...['label', 'leave', 'join', 'shutdown', 'leaveOnSignals', 'kubernetesConfig', 'sendReliable'],
    ...['ready', 'forget', 'state', 'outcome', 'reason', 'by', 'suspect', 'udp', 'address', 'npx'],
    ...[
      'refuted',
      'rejoined',
      'publishNotReadyAddresses',
      'liveness',
      'readiness',
      'create',
      'agent',
    ],
    ...['help', 'members', 'doctor', 'ping', 'bus', 'topics', 'show', 'watch', 'unwatch'],
  ];
  const known = new Set([...Object.keys(rules), ...events, ...Object.keys(lines), ...dropReasons]);
  for (const name of few) known.add(name);
  const named = matches(/`([a-z]+(?:[A-Z][a-z]+)*)`/g, prose);
  assert.ok(named.length > 80);
  for (const name of named) assert.ok(known.has(name), name);
  for (const name of matches(/`rejoin\.(\w+)`/g))
    assert.ok(name in Object(lanConfig().rejoin), name);
});

test('every section about a symptom has a command to run', () => {
  const [, troubles = ''] = page.split('## Troubleshooting');
  const sections = troubles.split(/^### /m).slice(1);
  assert.ok(sections.length > 10);
  const without = sections.filter((section) => !section.includes('npx node-memberlist '));
  assert.deepEqual(
    without.map((section) => section.split('\n')[0]),
    ['Clocks', 'The node keeps trying to reconnect to a removed member'],
  );
});

test('the commands exist, and their options', () => {
  const help: Readonly<Record<string, string>> = {
    agent: agent.help,
    doctor: doctor.help,
    keygen: keygen.help,
    members: members.help,
    ping: ping.help,
    simulate: simulate.help,
  };
  const called = [...page.matchAll(/npx node-memberlist (\w+)([^`\n]*)/g)];
  assert.ok(called.length > 15);
  for (const [whole, name = '', words = ''] of called) {
    assert.ok(name in help, whole);
    for (const [option] of words.matchAll(/--[a-z-]+/g)) {
      assert.ok(help[name]?.includes(option), whole);
    }
  }
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const name of matches(/npm run\s+([\w:]+)/g)) assert.ok(name in scripts, name);
});

test('the alerts, files and pages that it names exist', () => {
  const alerts = new Set(matches(/alert: (\w+)/g, read('examples/grafana/alerts.yml')));
  const named = matches(/`(Memberlist[A-Z]\w+)`/g);
  assert.ok(named.length > 0);
  for (const name of named) assert.ok(alerts.has(name), name);
  for (const link of matches(/\]\(([^)#:]+)[^)]*\)/g)) {
    assert.ok(existsSync(join(root, 'docs', link)), link);
  }
  for (const file of matches(/`((?:examples|docs)\/[^`]+)`/g)) {
    assert.ok(existsSync(join(root, file)), file);
  }
  const anchors = new Set(
    matches(/^#+ (.+)$/gm).map((title) =>
      title
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
  for (const anchor of matches(/\]\(#([^)]+)\)/g)) assert.ok(anchors.has(anchor), anchor);
});

test('the figure for the gossip traffic is that of the preset', () => {
  const { gossipNodes, gossipInterval, udpBufferSize } = lanConfig();
  const bytes = (gossipNodes * 1_000 * udpBufferSize) / gossipInterval;
  assert.match(page, new RegExp(`= ${bytes.toLocaleString('en-US')} bytes a second`));
});
