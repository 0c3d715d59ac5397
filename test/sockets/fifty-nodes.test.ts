/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Fifty nodes in one process, on real sockets, with the LAN defaults. ROUNDS is the number of joins (3 by
// default); in the last round one node stops without a leave.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type LeaveReason, Memberlist, lanConfig } from '../../src/index.js';

const size = 50;
const rounds = Number(process.env.ROUNDS ?? 3);
const convergedWithinMs = 5_000;
const detectedWithinMs = 15_000;

interface Departure {
  readonly observer: string;
  readonly name: string;
  readonly reason: LeaveReason;
}

/** Milliseconds until the condition holds, checked at each event of a list; rejects after the limit. */
function timeUntil(
  lists: readonly Memberlist[],
  { holds, withinMs, state }: { holds: () => boolean; withinMs: number; state: () => string },
): Promise<number> {
  const startedAt = performance.now();
  const events = ['join', 'leave', 'suspect', 'refute'] as const;
  return new Promise((resolve, reject) => {
    const settle = (then: () => void): void => {
      clearInterval(poll);
      clearTimeout(deadline);
      for (const list of lists) for (const event of events) list.off(event, look);
      then();
    };
    const look = (): void => {
      if (holds()) settle(() => resolve(performance.now() - startedAt));
    };
    for (const list of lists) for (const event of events) list.on(event, look);
    const poll = setInterval(look, 25);
    const deadline = setTimeout(() => {
      settle(() => reject(new Error(`not within ${withinMs} ms: ${state()}`)));
    }, withinMs);
    look();
  });
}

/** A summary of all tables. */
function countsOf(lists: readonly Memberlist[]): string {
  const counts = new Map<number, number>();
  for (const { numMembers } of lists) counts.set(numMembers, (counts.get(numMembers) ?? 0) + 1);
  return [...counts].map(([members, nodes]) => `${nodes} nodes list ${members}`).join(', ');
}

async function start(departures: Departure[]): Promise<Memberlist[]> {
  return Promise.all(
    Array.from({ length: size }, async (_, i) => {
      const name = `n${i}`;
      const config = { ...lanConfig(), name, bindAddr: '127.0.0.1', bindPort: 0 };
      const list = await Memberlist.create(config);
      list.on('leave', (node, reason) => {
        departures.push({ observer: name, name: node.name, reason });
      });
      return list;
    }),
  );
}

/**
 * All nodes join the first one at once; returns the milliseconds from the last join's return until all list
 * all.
 */
async function comeTogether(lists: readonly Memberlist[]): Promise<number> {
  const [first, ...others] = lists;
  await Promise.all(others.map((list) => list.join([first!.localNode.address])));
  return timeUntil(lists, {
    holds: () => lists.every(({ numMembers }) => numMembers === size),
    withinMs: convergedWithinMs,
    state: () => countsOf(lists),
  });
}

/**
 * Milliseconds from the shutdown of the last node, without a leave, until all others have declared it failed.
 */
async function oneStops(lists: readonly Memberlist[]): Promise<number> {
  const victim = lists.at(-1)!;
  const rest = lists.slice(0, -1);
  const { name } = victim.localNode;
  await victim.shutdown();
  return timeUntil(rest, {
    holds: () => rest.every((list) => list.member(name)?.state === 'dead'),
    withinMs: detectedWithinMs,
    state: () => countsOf(rest),
  });
}

void describe(`${size} nodes on 127.0.0.1`, () => {
  for (let round = 1; round <= rounds; round++) {
    const isLast = round === rounds;
    const what = isLast ? ', and detect that one of them stopped' : '';
    void it(`list each other soon after the last join, round ${round}${what}`, async (t) => {
      const departures: Departure[] = [];
      const lists = await start(departures);
      try {
        const convergedMs = await comeTogether(lists);
        t.diagnostic(`all list ${size} after ${Math.round(convergedMs)} ms`);
        assert.deepEqual(departures, []);
        if (!isLast) return;
        const detectedMs = await oneStops(lists);
        t.diagnostic(`all have detected the stopped node after ${Math.round(detectedMs)} ms`);
        assert.ok(departures.every(({ name }) => name === `n${size - 1}`));
        assert.ok(departures.every(({ reason }) => reason === 'failed'));
        const observers = new Set(departures.map(({ observer }) => observer));
        assert.equal(observers.size, size - 1);
        assert.ok(lists.slice(0, -1).every(({ numMembers }) => numMembers === size - 1));
      } finally {
        await Promise.all(lists.map((list) => list.shutdown()));
      }
    });
  }
});
