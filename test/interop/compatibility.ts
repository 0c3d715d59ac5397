/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The table that a run ends with, and the document that it stands in.
import { readFileSync } from 'node:fs';
import type { Result } from './results.js';

const INTRODUCTION = `# Compatibility

Made by \`npm run test:interop\`: real processes of programs that we did not write, in one cluster with
nodes of ours, over loopback sockets. A run writes this page anew.

- **Go memberlist** is run as a small program of ours (\`test/interop/go-peer\`), built with each of the
  versions below. In every scenario each of the two sides does what its name says to the other.
- The column \`grafana-…\` is **Grafana's fork** of it, by its commit, which can send snappy.
- **serf** and **Alertmanager** are the programs themselves, as Debian packages them, and the newest serf
  built from its Go module.
- In the combinations of ciphers, compression and versions, each of Go's nodes speaks each of the protocol
  versions 2 to 5 beside each of ours, all versions of memberlist in one cluster. There, nodes join, list each
  other, send messages (best effort, reliable, broadcast), change their metadata, ping, exchange their
  state and leave.

`;

/** The rows that a run wrote down. */
export function readResults(file: string): Result[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Result);
}

/** The page. Its order does not depend on the order of the rows. */
export function compatibilityPage(results: readonly Result[]): string {
  const peers = [...new Set(results.map(({ peer }) => peer))].sort();
  const ofGo = peers.filter((peer) => peer.startsWith('Go memberlist'));
  const others = peers.filter((peer) => !ofGo.includes(peer));
  const parts = [tableOf('Go memberlist', ofGo, results)];
  for (const peer of others) parts.push(tableOf(peer, [peer], results));
  return INTRODUCTION + parts.join('\n');
}

function tableOf(title: string, peers: readonly string[], results: readonly Result[]): string {
  const mine = results.filter(({ peer }) => peers.includes(peer));
  const scenarios = [...new Set(mine.map(({ scenario }) => scenario))].sort();
  const columns = peers.map((peer) => (peers.length === 1 ? 'result' : peer.split(' ').at(-1)));
  const lines = scenarios.map((scenario) => {
    const cells = peers.map((peer) => cellOf(mine.filter((r) => is(r, peer, scenario))));
    return `| ${[scenario, ...cells].join(' | ')} |`;
  });
  const head = `| ${['scenario', ...columns].join(' | ')} |`;
  const rule = `| ${['---', ...columns.map(() => '---')].join(' | ')} |`;
  return [`## ${title}`, '', head, rule, ...lines, ''].join('\n');
}

function is(result: Result, peer: string, scenario: string): boolean {
  return result.peer === peer && result.scenario === scenario;
}

/** A scenario that a version cannot have (labels before 0.3) has no row. */
function cellOf(results: readonly Result[]): string {
  if (results.length === 0) return 'n/a';
  return results.every(({ passed }) => passed) ? 'passed' : '**failed**';
}
