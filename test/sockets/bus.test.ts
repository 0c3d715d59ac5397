/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The bus between five processes on real sockets: one is killed, one stalls for 5 s, one is killed and started again,
// while 10,000 messages are published.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import type { Order, Report } from './bus-child.js';

const child = new URL('bus-child.ts', import.meta.url).pathname;
const running = new Map<string, ChildProcess>();
after(() => {
  for (const each of running.values()) each.kill('SIGKILL');
});

async function start(name: string, seed?: string, port = '0'): Promise<string> {
  const args = seed === undefined ? [name, port] : [name, port, seed];
  const each = fork(child, args, { execArgv: ['--import', 'tsx'] });
  running.set(name, each);
  const [{ address }] = (await once(each, 'message')) as [{ address: string }];
  return address;
}

function order(name: string, what: Order): void {
  running.get(name)?.send(what);
}

async function kill(name: string): Promise<void> {
  const each = running.get(name);
  running.delete(name);
  each?.kill('SIGKILL');
  await once(each ?? assert.fail(), 'exit');
}

async function reports(): Promise<Report[]> {
  return Promise.all(
    [...running].map(async ([name, each]) => {
      const answer = once(each, 'message');
      order(name, { type: 'report' });
      return ((await answer) as [Report])[0];
    }),
  );
}

/** Polls the processes until the condition holds. */
async function until(
  holds: (all: Report[]) => boolean,
  what: string,
  withinMs: number,
): Promise<Report[]> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const all = await reports();
    if (holds(all)) return all;
    if (performance.now() > deadline) {
      const state = all.map(({ name, published, delivered, gaps }) => {
        const counts = Object.entries(delivered).map(([boot, { length }]) => `${boot} ${length}`);
        return `${name}: ${published}, ${counts.join(', ')}, ${JSON.stringify(gaps)}`;
      });
      assert.fail(`not within ${withinMs} ms: ${what}\n${state.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const total = ({ delivered }: Report): number =>
  Object.values(delivered).reduce((sum, { length }) => sum + length, 0);

test('10,000 messages with a kill, a stall and a restart: none lost in silence, none twice', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const seed = await start('a');
  const addresses = new Map<string, string>();
  for (const name of names.slice(1)) addresses.set(name, await start(name, seed));
  for (const name of names) order(name, { type: 'publish', count: 2_000, everyMs: 20 });
  await until((all) => all.every((each) => total(each) > 500), '500 messages', 30_000);
  await kill('b');
  running.get('c')?.kill('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  running.get('c')?.kill('SIGCONT');
  await kill('d');
  // A member with its name is alive at its old address until the others notice that it is gone.
  await start('d', seed, addresses.get('d')?.split(':')[1]);
  order('d', { type: 'publish', count: 2_000, everyMs: 20 });
  await until((all) => all.every((each) => each.published === 2_000), 'the first part', 60_000);
  // Also those that began before the restarted process did.
  for (const name of running.keys()) order(name, { type: 'publish', count: 200, everyMs: 20 });
  await until(
    (all) => all.every(({ published }) => published === 2_200),
    'all are published',
    60_000,
  );
  const isComplete = (all: Report[]): boolean =>
    all.every(({ delivered }) =>
      all.every(({ bootId, published }) => delivered[bootId]?.at(-1) === published),
    );
  await until(isComplete, 'all are delivered', 30_000);
  const told = (all: Report[]): boolean =>
    all
      .filter(({ name }) => name !== 'd')
      .every(({ gaps }) => ['b', 'd'].every((who) => gaps.some((gap) => gap.publisher === who)));
  const all = await until(told, 'gaps of those that were killed', 30_000);
  for (const { name, delivered, gaps } of all) {
    for (const [boot, seqs] of Object.entries(delivered)) {
      let holes = 0;
      for (let i = 1; i < seqs.length; i++) {
        const step = (seqs[i] ?? 0) - (seqs[i - 1] ?? 0);
        assert.ok(step > 0, `${name} delivers ${boot} in order and once`);
        holes += step - 1;
      }
      const told = gaps.filter(({ bootId }) => bootId === boot);
      const missed = told.reduce((sum, gap) => sum + (gap.missed ?? 0), 0);
      assert.ok(holes <= missed, `${name} misses ${holes} of ${boot}, and knows of ${missed}`);
    }
  }
  for (const name of [...running.keys()]) order(name, { type: 'end' });
});
