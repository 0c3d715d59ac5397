/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Writes the results of a run as docs/COMPATIBILITY.md.
import { readFileSync } from 'node:fs';
import type { Result } from './results.js';

const INTRODUCTION = `# Compatibility

\`npm run test:interop\` writes this page. It runs real processes of other projects' programs in one cluster with this
library's nodes ("ours"), over loopback sockets.

- **Go memberlist** runs as a small test program (\`test/interop/go-peer\`), built with each of the versions below. Each
  scenario runs in both directions.
- The column \`grafana-…\` is **Grafana's fork** of Go memberlist at this commit, which can send snappy.
- **serf** and **Alertmanager** are the original programs from Debian packages, and the newest serf, built from its Go module.
- In the combinations of ciphers, compression and versions, each version of Go memberlist runs with each of the protocol
  versions 2 to 5, against each of these versions of ours. All versions of memberlist form one cluster. Nodes join, list
  each other, send messages (best effort, reliable, broadcast), change their metadata, ping, exchange their state and leave.

`;

/** Reads the results of a run. */
export function readResults(file: string): Result[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Result);
}

/** Renders the page. The order of the results does not matter. */
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

/** A scenario that a version does not support (labels before 0.3) has no result. */
function cellOf(results: readonly Result[]): string {
  if (results.length === 0) return 'n/a';
  return results.every(({ passed }) => passed) ? 'passed' : '**failed**';
}
