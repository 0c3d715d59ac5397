/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// When a join contacts whom, and when it resolves, in virtual time.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { JoinError, TimeoutError, type JoinResult } from '../../../src/index.js';
import { joinSeeds, type ContactSignals } from '../../../src/discovery/join.js';
import { Driver } from '../../../src/testing/driver.js';
import { VirtualClock } from '../../../src/testing/index.js';
import type { Address } from '../../../src/wire/address.js';
import { rejection } from './cluster.js';

const tcpTimeoutMs = 10_000;

/** A join of addresses of which those in `live` answer after so many milliseconds, and no other ever. */
class Stage {
  readonly clock = new VirtualClock();
  readonly driver = new Driver(this.clock);
  readonly begun: { addr: string; at: number }[] = [];
  mostAtOnce = 0;
  resolve: (seed: string, signal: AbortSignal) => Promise<Address[]> = (addr) =>
    Promise.resolve([{ addr }]);
  /** Connected at once, and ended after so many milliseconds. */
  readonly connected = new Map<string, number>();
  readonly #live: ReadonlyMap<string, number>;
  #atOnce = 0;

  constructor(live: Record<string, number> = {}) {
    this.#live = new Map(Object.entries(live));
  }

  join(seeds: readonly string[]): Promise<JoinResult> {
    const { clock } = this;
    const joiner = {
      clock,
      requireNodeNames: false,
      resolve: (seed: string, signal: AbortSignal) => this.resolve(seed, signal),
      contact: (to: Address, signals: ContactSignals) => this.#contact(to, signals),
    };
    return joinSeeds(seeds, joiner, {});
  }

  async #contact({ addr }: Address, { signal, dialSignal }: ContactSignals): Promise<void> {
    this.begun.push({ addr, at: this.clock.now() });
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    const connectedMs = this.connected.get(addr);
    try {
      await new Promise<void>((resolve, reject) => {
        const end = connectedMs === undefined ? dialSignal : signal;
        end.addEventListener('abort', () => reject(end.reason as Error));
        const liveMs = this.#live.get(addr) ?? connectedMs;
        if (liveMs !== undefined) this.clock.setTimer(liveMs, resolve);
        else this.clock.setTimer(tcpTimeoutMs, () => reject(new Error(`${addr} timed out`)));
      });
    } finally {
      this.#atOnce--;
    }
  }
}

function blackHoles(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.99.0.${i + 1}:7946`);
}

suite('a join of many addresses that do not answer', () => {
  for (const place of [0, 25, 50]) {
    test(`reaches the one that does within 3 s, at place ${place} of 51`, async () => {
      const stage = new Stage({ live: 1 });
      const seeds = blackHoles(50);
      seeds.splice(place, 0, 'live');
      const joining = stage.join(seeds);
      await stage.driver.run(3_000);
      const live = stage.begun.find(({ addr }) => addr === 'live');
      assert.ok(live !== undefined && live.at < 2_000);
      assert.deepEqual(
        stage.begun.map(({ addr }) => addr),
        seeds,
        'all are contacted, in order',
      );
      await stage.driver.run(2_000);
      const { contacted, failures } = await joining;
      assert.equal(contacted, 1);
      assert.equal(failures.length, 50);
      assert.ok(failures.every(({ error }) => error instanceof TimeoutError));
      assert.equal(stage.clock.pending, 50, 'only the timers of this stage are left');
    });
  }

  test('has no more than 64 of them under way', async () => {
    const stage = new Stage();
    const joining = rejection(stage.join(blackHoles(200)), JoinError);
    await stage.driver.run(60_000);
    assert.equal((await joining).failures.length, 200);
    assert.equal(stage.mostAtOnce, 64);
  });

  test('rejects as soon as all have had their time', async () => {
    const stage = new Stage();
    const joining = rejection(stage.join(blackHoles(50)), JoinError);
    await stage.driver.run(1_500 + tcpTimeoutMs);
    assert.equal((await joining).failures.length, 50);
  });

  test('does not begin all at the same moment', async () => {
    const stage = new Stage();
    const joining = rejection(stage.join(blackHoles(20)), JoinError);
    await stage.driver.run(0);
    assert.equal(stage.begun.length, 8);
    await stage.driver.run(250);
    assert.equal(stage.begun.length, 16);
    await stage.driver.run(tcpTimeoutMs + 1_000);
    await joining;
  });
});

suite('a join that has reached one', () => {
  test('gives an exchange that is connected its time', async () => {
    const stage = new Stage({ live: 1 });
    stage.connected.set('slow', 8_000);
    const joining = stage.join(['live', 'slow']);
    await stage.driver.run(8_000);
    assert.deepEqual(await joining, { contacted: 2, failures: [] });
  });

  test('waits 3 s for a name server that does not answer, and cancels the look-up', async () => {
    const stage = new Stage({ live: 1 });
    let isCancelled = false;
    stage.resolve = (seed, signal) =>
      seed === 'live'
        ? Promise.resolve([{ addr: 'live' }])
        : new Promise(() => signal.addEventListener('abort', () => (isCancelled = true)));
    const joining = stage.join(['silent', 'live']);
    await stage.driver.run(1);
    assert.equal(stage.begun.length, 1, 'the other seeds do not wait for it');
    await stage.driver.run(3_000);
    const { contacted, failures } = await joining;
    assert.equal(contacted, 1);
    assert.equal(failures[0]?.seed, 'silent');
    assert.ok(failures[0].error instanceof TimeoutError);
    assert.ok(isCancelled);
    assert.equal(stage.clock.pending, 0);
  });
});
