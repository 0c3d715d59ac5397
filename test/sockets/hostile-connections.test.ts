/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two thousand silent connections over real sockets: their number is bounded, other traffic is served
// meanwhile, and all end with the deadline. Time is virtual, so that none ends early.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/wire/limits.js';
import { VirtualClock } from '../../src/testing/index.js';
import { RawStream, Target } from './hostile-target.js';

const connections = 2_000;
const atOnce = 100;
const tcpTimeout = 10_000;

const turn = (): Promise<void> => new Promise(setImmediate);

async function until(holds: () => boolean, what: () => string): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!holds()) {
    assert.ok(performance.now() < giveUpAt, what());
    await turn();
  }
}

const openOf = (streams: readonly RawStream[]): number =>
  streams.filter(({ isClosed }) => !isClosed).length;

/** Opens connections, a few at a time, from these addresses in turn. */
async function open(target: Target, sources: readonly string[]): Promise<RawStream[]> {
  const streams: RawStream[] = [];
  while (streams.length < connections) {
    const some = Array.from(
      { length: atOnce },
      (_, i) => new RawStream(target, sources[i % sources.length]),
    );
    await Promise.all(some.map((stream) => stream.connected()));
    streams.push(...some);
  }
  return streams;
}

for (const [what, sources, expected] of [
  ['one address', ['127.0.0.66'], limits.streamsPerSource],
  ['eight addresses', Array.from({ length: 8 }, (_, i) => `127.0.0.${60 + i}`), limits.streams],
] as const) {
  test(`of 2,000 idle connections from ${what} ${expected} stay open until the deadline`, async () => {
    const clock = new VirtualClock();
    await using target = await Target.start({ clock, tcpTimeout });
    const streams = await open(target, sources);
    await until(
      () => openOf(streams) === expected,
      () => `${openOf(streams)} are open`,
    );

    // All other traffic is served: packets, push/pulls, messages.
    await target.assertUnharmed();
    const received = new Promise((resolve) => target.node.once('message', resolve));
    await target.peer.sendReliable(target.node.localNode, Buffer.from('hello'));
    await received;
    await turn();
    assert.ok(openOf(streams) >= expected - 3);

    clock.advance(tcpTimeout);
    await until(
      () => openOf(streams) === 0,
      () => `${openOf(streams)} are still open`,
    );
    for (const stream of streams) stream.destroy();
    await target.assertUnharmed();

    // Refused sources can connect again.
    const later = await new RawStream(target, sources[0]).connected();
    await turn();
    assert.equal(later.isClosed, false);
    later.destroy();
    await target.node.shutdown();
    const refused = target.dropped('too-many-streams');
    assert.ok(refused >= connections - expected && refused <= connections - expected + 3);
    assert.equal(target.dropped('too-many-streams') + target.dropped('timed-out'), connections);
  });
}
