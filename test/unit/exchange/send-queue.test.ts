/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The limits for concurrent messages over streams, and the order of queued messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusyError, ShutdownError, TimeoutError } from '../../../src/errors.js';
import { SendQueue } from '../../../src/exchange/send-queue.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { limits } from '../../../src/wire/limits.js';

const turn = (): Promise<void> => new Promise(setImmediate);

/** A queue, and work in it that ends when the test ends it. */
class Harness {
  readonly clock = new VirtualClock();
  readonly queue = new SendQueue({ clock: this.clock });
  /** The names of started work, in order. */
  readonly begun: string[] = [];
  readonly left: number[] = [];
  readonly #ends: ((error?: Error) => void)[] = [];

  send(to: string, { name = to, bytes = 1, timeoutMs = 1_000 } = {}): Promise<string> {
    return this.queue.run({ to, bytes, timeoutMs }, (leftMs) => {
      this.begun.push(name);
      this.left.push(leftMs);
      return new Promise((resolve, reject) => {
        this.#ends.push((error) => (error === undefined ? resolve(name) : reject(error)));
      });
    });
  }

  sendMany(count: number, to: string): Promise<string>[] {
    return Array.from({ length: count }, (_, i) => this.send(to, { name: `${to}${i}` }));
  }

  /** Ends the oldest running work. */
  async endOne(error?: Error): Promise<void> {
    this.#ends.shift()?.(error);
    await turn();
  }

  async endAll(): Promise<void> {
    while (this.#ends.length > 0) await this.endOne();
  }
}

test('a limited number is sent to one peer concurrently; the others follow in order', async () => {
  const harness = new Harness();
  const extra = 5;
  const all = harness.sendMany(limits.sendsPerPeer + extra, 'a');
  await turn();
  assert.equal(harness.begun.length, limits.sendsPerPeer);
  assert.equal(harness.queue.waiting, extra);
  await harness.endOne();
  assert.equal(harness.begun.length, limits.sendsPerPeer + 1);
  await harness.endAll();
  const results = await Promise.all(all);
  assert.deepEqual(harness.begun, results);
  assert.equal(harness.queue.waiting, 0);
  assert.equal(harness.clock.pending, 0, 'no timer is left');
});

test('failed work frees its slot as well, and its error is passed on', async () => {
  const harness = new Harness();
  const [first, ...others] = harness.sendMany(limits.sendsPerPeer + 1, 'a');
  const failure = new Error('reset');
  const outcome = assert.rejects(first!, failure);
  await turn();
  await harness.endOne(failure);
  await outcome;
  assert.equal(harness.begun.length, limits.sendsPerPeer + 1);
  await harness.endAll();
  await Promise.all(others);
});

test('a slow peer does not delay another one', async () => {
  const harness = new Harness();
  harness
    .sendMany(limits.sendsPerPeer * 2, 'slow')
    .forEach((sent) => void sent.catch(() => undefined));
  void harness.send('other');
  await turn();
  assert.equal(harness.begun.at(-1), 'other');
});

test('beyond the total limit, peers take turns', async () => {
  const harness = new Harness();
  const peers = Array.from({ length: limits.sends / limits.sendsPerPeer }, (_, i) => `p${i}-`);
  const all = peers.flatMap((peer) => harness.sendMany(limits.sendsPerPeer, peer));
  all.push(...harness.sendMany(3, 'x'), ...harness.sendMany(3, 'y'));
  await turn();
  assert.equal(harness.begun.length, limits.sends);
  for (let ended = 1; ended <= 6; ended++) {
    await harness.endOne();
    assert.equal(harness.begun.length, limits.sends + ended, 'one more for each that ends');
  }
  assert.deepEqual(harness.begun.slice(limits.sends), ['x0', 'y0', 'x1', 'y1', 'x2', 'y2']);
  await harness.endAll();
  await Promise.all(all);
});

test('waiting counts toward the timeout: the work gets the remaining time, and an expired message rejects', async () => {
  const harness = new Harness();
  const first = harness.sendMany(limits.sendsPerPeer, 'a');
  const patient = harness.send('a', { name: 'patient', timeoutMs: 1_000 });
  const late = assert.rejects(harness.send('a', { name: 'late', timeoutMs: 500 }), (error) => {
    return error instanceof TimeoutError && /a, which was queued.*500 ms/.test(error.message);
  });
  await turn();
  harness.clock.advance(500);
  await late;
  harness.clock.advance(200);
  await harness.endAll();
  assert.deepEqual(await Promise.all(first), harness.begun.slice(0, -1));
  assert.equal(await patient, 'patient');
  assert.equal(harness.left.at(-1), 300);
  assert.ok(!harness.begun.includes('late'));
  assert.equal(harness.clock.pending, 0);
});

test('a message that would start after its timeout, as after a stall, rejects and frees its slot', async () => {
  const harness = new Harness();
  const first = harness.sendMany(limits.sendsPerPeer, 'a');
  const late = assert.rejects(harness.send('a', { name: 'late', timeoutMs: 500 }), TimeoutError);
  const next = harness.send('a', { name: 'next', timeoutMs: 5_000 });
  await turn();
  // Finished work is reported before timers fire.
  harness.clock.now = () => 700;
  await harness.endOne();
  await late;
  await turn();
  assert.equal(harness.begun.at(-1), 'next');
  assert.equal(harness.left.at(-1), 4_300);
  await harness.endAll();
  await Promise.all([...first, next]);
});

test('when too many messages or bytes are queued, the next one rejects at once with a BusyError', async () => {
  const harness = new Harness();
  void harness.sendMany(limits.sendsPerPeer, 'a');
  const bytes = limits.waitingSendBytes / 4;
  const waiting = Array.from({ length: 4 }, () => harness.send('a', { bytes }));
  await assert.rejects(harness.send('a'), (error) => {
    assert.ok(error instanceof BusyError);
    return error.waiting === 4 && error.bytes === limits.waitingSendBytes;
  });
  void harness.send('b');
  assert.equal(harness.begun.at(-1), 'b', 'what need not wait is sent');
  await harness.endAll();
  await Promise.all(waiting);

  const crowded = new Harness();
  const many = crowded.sendMany(limits.sendsPerPeer + limits.waitingSends, 'a');
  await assert.rejects(crowded.send('a'), BusyError);
  crowded.queue.stop();
  const outcomes = Promise.allSettled(many);
  await crowded.endAll();
  const failed = (await outcomes).filter(({ status }) => status === 'rejected');
  assert.equal(failed.length, limits.waitingSends);
});

test('stopping rejects queued and later messages, and lets messages in transit finish', async () => {
  const harness = new Harness();
  const underWay = harness.sendMany(limits.sendsPerPeer, 'a');
  const waiting = assert.rejects(harness.send('a'), ShutdownError);
  await turn();
  harness.queue.stop();
  await waiting;
  await assert.rejects(harness.send('b'), ShutdownError);
  assert.equal(harness.clock.pending, 0);
  await harness.endAll();
  assert.equal((await Promise.all(underWay)).length, limits.sendsPerPeer);
});
