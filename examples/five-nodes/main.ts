/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm start`: five nodes as five processes, and what becomes of them. The director starts them, has
// them do what happens to real clusters, and checks that all of it is noticed as it should be.
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type Notice } from './cluster.js';
import type { Belief, EventType } from './messages.js';
import { bold, dim, green, red, View } from './view.js';

const PORT = Number(process.argv[2] ?? 7946);
const EVERYTHING_WITHIN_MS = 38_000;
// So that somebody who watches can read what comes next.
const PAUSE_MS = 1_200;

const cluster = new Cluster({ script: new URL('node.ts', import.meta.url) });
const view = new View(cluster);
const summary: string[] = [];
let ipsPerNode = true as boolean;

const ms = (since: number, until = Date.now()): string => `${Math.round(until - since)} ms`;
const nameOf = (n: number): string => `node-${n}`;

async function startNode(n: number): Promise<void> {
  const place = (): { bindAddr: string; bindPort: number } =>
    ipsPerNode
      ? { bindAddr: `127.0.0.${n}`, bindPort: PORT }
      : { bindAddr: '127.0.0.1', bindPort: PORT + n - 1 };
  const options = { name: nameOf(n), meta: `version=1` };
  try {
    await cluster.start({ ...options, ...place() });
  } catch (error) {
    // Some systems have no loopback addresses but 127.0.0.1.
    if (!ipsPerNode || (error as { code?: string }).code !== 'EADDRNOTAVAIL') throw error;
    ipsPerNode = false;
    await cluster.start({ ...options, ...place() });
  }
}

/** Whether every running node but `except` believes this of a member. */
function allBelieve(member: string, isSo: (belief: Belief | undefined) => boolean): boolean {
  const observers = cluster.running.filter((name) => name !== member);
  return observers.every((observer) => isSo(cluster.views.get(observer)?.[member]));
}

const allSee = (member: string, state: Belief['state']): boolean =>
  allBelieve(member, (belief) => belief?.state === state);

function noticesSince(since: number, about: string, type: EventType): Notice[] {
  return cluster.notices.filter(
    (notice) => notice.at >= since && notice.about === about && notice.type === type,
  );
}

async function step(title: string, work: (since: number) => Promise<string>): Promise<void> {
  view.headline(title);
  if (process.stdout.isTTY) await pause(PAUSE_MS);
  summary.push(`${green('✔')} ${title}`, `    ${await work(Date.now())}`);
}

async function runSteps(): Promise<void> {
  await step('Five processes start, and four of them join the first', async (since) => {
    await startNode(1); // finds out whether there is an IP for each
    await Promise.all([2, 3, 4, 5].map(startNode));
    const seed = cluster.addressOf('node-1');
    for (let n = 2; n <= 5; n++) cluster.order(nameOf(n), { kind: 'join', seed });
    const isWhole = (): boolean => cluster.running.every((name) => allSee(name, 'alive'));
    await cluster.until('all see all', isWhole, 10_000);
    return `all see all after ${ms(since)}`;
  });

  await step('node-2 changes its metadata', async (since) => {
    cluster.order('node-2', { kind: 'set-meta', meta: 'version=2' });
    const isKnown = (): boolean => allBelieve('node-2', (belief) => belief?.meta === 'version=2');
    await cluster.until('all see the new metadata', isKnown, 5_000);
    return `all know after ${ms(since)}`;
  });

  await step('node-4 is killed, without a word', async (since) => {
    await cluster.kill('node-4');
    await cluster.until('all see it dead', () => allSee('node-4', 'dead'), 20_000);
    const [suspected] = noticesSince(since, 'node-4', 'suspect');
    const failed = noticesSince(since, 'node-4', 'failed');
    const [first] = failed;
    const last = failed.at(-1);
    if (suspected === undefined || first === undefined || last === undefined)
      throw new Error('nobody told of suspicion and failure');
    return [
      `suspected first by ${suspected.observer} after ${ms(since, suspected.at)},`,
      `failed first for ${first.observer} after ${ms(since, first.at)}, for all after ${ms(since, last.at)}`,
    ].join('\n    ');
  });

  await step('node-3 leaves', async (since) => {
    cluster.order('node-3', { kind: 'leave' });
    const hasLeft = (): boolean => !cluster.running.includes('node-3') && allSee('node-3', 'left');
    await cluster.until('all see that it left', hasLeft, 5_000);
    if (noticesSince(since, 'node-3', 'failed').length > 0) throw new Error('it was called failed');
    return `all know after ${ms(since)}, and nobody calls it failed`;
  });

  await step('node-6 joins', async (since) => {
    await startNode(6);
    cluster.order('node-6', { kind: 'join', seed: cluster.addressOf('node-5') });
    const isWhole = (): boolean => cluster.running.every((name) => allSee(name, 'alive'));
    await cluster.until('all see it', isWhole, 10_000);
    return `all see it after ${ms(since)}`;
  });

  await step('Four are left', () => {
    const wrong = cluster.notices.filter(
      ({ type, about }) => type === 'failed' && about !== 'node-4',
    );
    if (wrong.length > 0) throw new Error(`${wrong[0]?.about} was called failed, and was not`);
    const members = cluster.running.join(', ');
    return Promise.resolve(`they agree on ${members}; nobody was called failed in error`);
  });
}

async function stop(code: number): Promise<never> {
  await cluster.stop();
  process.exit(code);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    view.end();
    console.log(dim('\nstopping the nodes'));
    void stop(130);
  });
}
process.on('exit', () => cluster.killAll());
const watchdog = setTimeout(() => {
  view.end();
  console.error(red(`\nthis took over ${EVERYTHING_WITHIN_MS / 1000} s`));
  void stop(1);
}, EVERYTHING_WITHIN_MS);

let failure: Error | undefined;
try {
  await runSteps();
} catch (error) {
  failure = error as Error;
}
clearTimeout(watchdog);
view.end();
console.log(`\n${bold('What happened')}\n`);
for (const line of summary) console.log(line);
if (failure !== undefined) console.log(`${red('✖')} ${failure.message}`);
if (!ipsPerNode) console.log(dim('(this system has one loopback address: a port for each node)'));
await stop(failure === undefined ? 0 : 1);
