/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:scale`: runs one large cluster and prints its cost. Exits with status 1 if the member lists were wrong
// at the end, or after a restart.

import { parseArgs } from 'node:util';
import { runScale, type ScaleResult, seconds } from './scale.js';

const help = `Usage: npm run sim:scale -- [options]

  --nodes N       number of nodes (200)
  --minutes N     virtual minutes (10)
  --restart N     number of nodes that leave and rejoin, one after the other (0)
  --bootstrap N   only join N nodes through one seed node
  --seed S        (1)
  --help
`;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '10' },
    restart: { type: 'string', default: '0' },
    bootstrap: { type: 'string' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(help);
else await measure();

async function measure(): Promise<void> {
  const { bootstrap, seed } = values;
  const nodes = count('nodes', bootstrap ?? values.nodes, 2);
  const startedAt = performance.now();
  const passed = (): number => performance.now() - startedAt;
  const result = await runScale({
    nodes,
    minutes: bootstrap === undefined ? count('minutes', values.minutes, 0) : 0,
    restarts: bootstrap === undefined ? count('restart', values.restart, 0) : 0,
    seed,
    progress: (text) => {
      const times = `${seconds(passed()).padStart(8)}, CPU ${seconds(cpuTime()).padStart(8)}`;
      console.log(`${times}  ${text}`);
    },
  });
  print(result, { nodes, realMs: passed(), cpuMs: cpuTime() });
  const isRight =
    result.bootstrapMs !== undefined && result.converged && result.unsettled.length === 0;
  process.exitCode = isRight ? 0 : 1;
}

/** The processor time of this process, in milliseconds. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Cost {
  readonly nodes: number;
  readonly realMs: number;
  readonly cpuMs: number;
}

function print(result: ScaleResult, { nodes, realMs, cpuMs }: Cost): void {
  const { bootstrapMs, virtualMs, restartMs, unsettled, events, traffic } = result;
  const restarts = [...restartMs].sort((a, b) => a - b);
  const at = (share: number): string =>
    seconds(restarts[Math.round(share * (restarts.length - 1))] ?? NaN);
  const rows: [string, string | number][] = [
    ['nodes', nodes],
    ['virtual time', seconds(virtualMs)],
    ['real time', seconds(realMs)],
    ['CPU time', seconds(cpuMs)],
    ['virtual time to real time', (virtualMs / realMs).toFixed(2)],
    ['virtual time to CPU time', (virtualMs / cpuMs).toFixed(2)],
    // Kilobytes on all platforms.
    ['peak memory', `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`],
    ['packets', traffic.packets],
    ['packets per node and second', (traffic.packets / nodes / (virtualMs / 1000)).toFixed(1)],
    ['bytes in packets', traffic.packetBytes],
    ['bytes in streams', traffic.streamBytes],
    [
      'events',
      Object.entries(events)
        .map(([type, number]) => `${number} ${type}`)
        .join(', '),
    ],
    ['wrongly declared failed', result.falsePositives],
    ['all nodes knew each other after', bootstrapMs === undefined ? 'never' : seconds(bootstrapMs)],
  ];
  if (restarts.length > 0) {
    const spread = `${at(0)} to ${at(1)}, median ${at(0.5)}`;
    rows.push([`${restarts.length} restarts, all knew after`, spread]);
  }
  if (unsettled.length > 0) rows.push(['NOT known to all within a minute', unsettled.join(', ')]);
  rows.push(['all lists correct at the end', result.converged ? 'yes' : 'NO']);
  rows.push(['digest', result.digest]);
  console.log(`\n${rows.map(([name, value]) => `${name.padEnd(30)} ${value}`).join('\n')}`);
}

function count(name: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isFinite(number) && number >= least) return number;
  throw new Error(`--${name} must be a number, ${least} or more; not ${text}`);
}
