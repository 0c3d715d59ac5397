/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/MIGRATING-FROM-GO.md has all fields and methods of Go, and names nothing of this library that does
// not exist.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rules } from '../../../src/config/rules.js';
import { Memberlist, NetTransport, TransmitLimitedQueue, Keyring } from '../../../src/index.js';
import * as everything from '../../../src/index.js';

const root = new URL('../../../', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/MIGRATING-FROM-GO.md'), 'utf8');

/** The exported fields of `Config` in Go memberlist 0.7.0. */
const goFields =
  'Name Transport Label SkipInboundLabelCheck BindAddr BindPort AdvertiseAddr AdvertisePort ' +
  'ProtocolVersion TCPTimeout IndirectChecks RetransmitMult SuspicionMult SuspicionMaxTimeoutMult ' +
  'PushPullInterval ProbeInterval ProbeTimeout DisableTcpPings DisableTcpPingsForNode ' +
  'AwarenessMaxMultiplier GossipInterval GossipNodes GossipToTheDeadTime GossipVerifyIncoming ' +
  'GossipVerifyOutgoing EnableCompression SecretKey Keyring Delegate DelegateProtocolVersion ' +
  'DelegateProtocolMin DelegateProtocolMax Events Conflict Merge Ping Alive DNSConfigPath LogOutput ' +
  'Logger HandoffQueueDepth UDPBufferSize DeadNodeReclaimTime RequireNodeNames CIDRsAllowed ' +
  'MetricLabels QueueCheckInterval MsgpackUseNewTimeFormat';
/** Its `Memberlist`'s methods. */
const goMethods =
  'Join LocalNode UpdateNode SendTo SendToAddress SendToUDP SendToTCP SendBestEffort SendReliable ' +
  'Members NumMembers Leave GetHealthScore ProtocolVersion Shutdown Ping';

const section = (title: string): string => page.split(`## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const cellsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `') || line.startsWith('| none'))
    .map((line) => line.split('|').map((cell) => cell.trim()));

test('it has all configuration fields, those of Go and those of this library', () => {
  const rows = cellsOf(section('Configuration')).filter(({ length }) => length === 5);
  assert.deepEqual(
    rows.map(([, go = '']) => go.replaceAll('`', '')),
    goFields.split(' '),
  );
  const paired = rows.flatMap(([, , ours = '']) => /`(\w+)/.exec(ours)?.[1] ?? []);
  const [, oursOnly = ''] = /^Only here: ([^]*?)\.$/m.exec(page) ?? [];
  const alone = Array.from(oursOnly.matchAll(/`(\w+)`/g), ([, name = '']) => name);
  assert.deepEqual([...new Set([...paired, ...alone])].sort(), Object.keys(rules).sort());
});

test('it has all methods of Go, and the methods of this library that it names exist', () => {
  const rows = cellsOf(section('Methods')).filter(({ length }) => length === 5);
  const go = rows.map(([, cell = '']) => cell).join(' ');
  for (const method of goMethods.split(' ')) assert.match(go, new RegExp(`\`${method}\\b`), method);
  const ours = rows.flatMap(([, , cell = '']) =>
    Array.from(cell.matchAll(/`(\w+)/g), ([, name = '']) => name),
  );
  assert.ok(ours.length > 15);
  for (const name of ours.filter((each) => each !== 'Memberlist')) {
    assert.ok(name in Memberlist.prototype, name);
  }
});

test('the methods of the keyring, the queue and the transport exist', () => {
  const keyring = cellsOf(section('Keyring')).map(([, , cell = '']) => cell);
  for (const cell of keyring) {
    const [, name] = /^`(\w+)(?:\(|`)/.exec(cell) ?? [];
    if (name !== undefined) assert.ok(name in Keyring.prototype, name);
  }
  for (const name of ['queueBroadcast', 'getBroadcasts', 'prune', 'reset', 'numQueued']) {
    assert.ok(name in TransmitLimitedQueue.prototype && page.includes(`\`${name}\``), name);
  }
  for (const name of ['start', 'finalAdvertiseAddr', 'writeTo', 'dial', 'shutdown']) {
    assert.ok(name in NetTransport.prototype && page.includes(`\`${name}(`), name);
  }
});

test('the delegates have the methods that it names', () => {
  const source = readFileSync(join(root, 'src/delegates.ts'), 'utf8');
  const methods = Array.from(source.matchAll(/^ {2}(\w+)\??\(/gm), ([, name = '']) => name);
  const rows = cellsOf(section('Delegates'));
  const named = rows.flatMap(([, , cell = '']) => /^`\w+\.(\w+)\(/.exec(cell)?.[1] ?? []);
  assert.deepEqual(named.sort(), methods.sort());
  for (const name of ['ConfigError', 'MessageTooLargeError', 'leaveOnSignals']) {
    assert.ok(name in everything && page.includes(`\`${name}`), name);
  }
});

test('the pages that it links to exist', () => {
  for (const [, link = ''] of page.matchAll(/\]\(([^)#:]+)[^)]*\)/g)) {
    assert.ok(existsSync(join(root, 'docs', link)), link);
  }
});
