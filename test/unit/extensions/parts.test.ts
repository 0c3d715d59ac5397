/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExtensionClock } from '../../../src/extensions/extension-clock.js';
import {
  ExtensionGossip,
  type GossipingExtension,
} from '../../../src/extensions/extension-gossip.js';
import { ExtensionMeters } from '../../../src/extensions/extension-meters.js';
import { factsFrom, Member } from '../../../src/core/member.js';
import { SeededRandom, VirtualClock } from '../../../src/testing/index.js';
import { alive } from '../core/harness.js';

function clocks(): { base: VirtualClock; clock: ExtensionClock; errors: unknown[] } {
  const base = new VirtualClock();
  const errors: unknown[] = [];
  const clock = new ExtensionClock(base, { failed: (error) => errors.push(error) });
  return { base, clock, errors };
}

test('timers of an extension fire once, can be canceled, and end with the extension', () => {
  const { base, clock, errors } = clocks();
  const fired: string[] = [];
  clock.setTimer(1, () => fired.push('timer'));
  clock.afterTurn(() => fired.push('turn'));
  clock.setTimer(1, () => fired.push('canceled')).cancel();
  clock.setTimer(10, () => fired.push('stopped'));
  base.advance(5);
  assert.equal(clock.now(), base.now());
  clock.stop();
  clock.setTimer(0, () => fired.push('late')).cancel();
  clock.setTimer(0, () => fired.push('late'));
  clock.afterTurn(() => fired.push('late'));
  assert.equal(base.pending, 0);
  base.advance(20);
  assert.deepEqual([fired, errors], [['turn', 'timer'], []]);
});

test('a timer that fired or was canceled is not kept, and a stop cancels each other one once', () => {
  const canceled: string[] = [];
  const callbacks: (() => void)[] = [];
  const start = (name: string) => (callback: () => void) => {
    callbacks.push(callback);
    return { cancel: () => void canceled.push(name) };
  };
  const base = {
    now: () => 0,
    setTimer: (delayMs: number, callback: () => void) => start(`timer ${delayMs}`)(callback),
    afterTurn: start('turn'),
  };
  const clock = new ExtensionClock(base, { failed: () => assert.fail() });
  clock.setTimer(1, () => undefined);
  clock.afterTurn(() => undefined);
  clock.setTimer(2, () => undefined).cancel();
  clock.setTimer(3, () => undefined);
  for (const callback of callbacks.slice(0, 2)) callback();
  assert.deepEqual(canceled, ['timer 2']);
  clock.stop();
  clock.stop();
  assert.deepEqual(canceled, ['timer 2', 'timer 3']);
});

test('what a timer throws is the failure of the extension, and other timers fire', () => {
  const { base, clock, errors } = clocks();
  const error = new Error('no');
  let fired = 0;
  clock.setTimer(1, () => {
    throw error;
  });
  clock.setTimer(2, () => fired++);
  base.advance(5);
  assert.deepEqual([errors, fired], [[error], 1]);
});

function member(name: string): Member {
  const facts = factsFrom(alive(name));
  assert.ok(facts);
  return new Member(name, facts, 'alive', 0);
}

/** An extension with queued messages, for these peers. */
class Queue implements GossipingExtension {
  readonly peerMembers: readonly Member[];
  readonly limits: number[] = [];
  messages: string[];

  constructor(messages: string[], peers: readonly Member[]) {
    this.messages = messages;
    this.peerMembers = peers;
  }

  get numQueued(): number {
    return this.messages.length;
  }

  hasPeer(peer: Member): boolean {
    return this.peerMembers.includes(peer);
  }

  take(overhead: number, limit: number): Uint8Array[] {
    this.limits.push(limit);
    const fits = this.messages.filter(({ length }) => overhead + length <= limit).slice(0, 1);
    return fits.map((text) => Buffer.from(text));
  }
}

function gossip(extensions: readonly GossipingExtension[], fanOut = 2): ExtensionGossip {
  return new ExtensionGossip({ extensions, random: new SeededRandom(1) }, { fanOut });
}

test('each extension fills packets first in its turn, and the next ones get what is left', () => {
  const peer = member('peer');
  const [one, two, empty] = [
    new Queue(['111'], [peer]),
    new Queue(['22222'], [peer]),
    new Queue([], [peer]),
  ];
  const sender = gossip([one, empty, two]);
  const packet = (): string[] =>
    sender.broadcasts(peer, 2, 20).map((message) => Buffer.from(message).toString());
  assert.deepEqual(packet(), ['111', '22222']);
  assert.deepEqual([one.limits, two.limits, empty.limits], [[20], [15], []]);
  // The next turn begins with the one that is empty.
  assert.deepEqual(packet(), ['22222', '111']);
  assert.deepEqual(packet(), ['22222', '111']);
  assert.deepEqual(packet(), ['111', '22222']);
  assert.ok(sender.hasBroadcasts);
  assert.equal(gossip([empty]).hasBroadcasts, false);
});

test('a packet without messages does not end a turn', () => {
  const [peer, stranger] = [member('peer'), member('stranger')];
  const sender = gossip([new Queue(['1'], [peer]), new Queue(['2'], [peer])]);
  const first = (to: Member): string =>
    Buffer.from(sender.broadcasts(to, 1, 9)[0] ?? []).toString();
  assert.equal(first(stranger), '');
  assert.equal(first(peer), '1');
  assert.equal(first(stranger), '');
  assert.equal(first(peer), '2');
});

test('a round goes to different peers of each extension that has messages, up to the fan-out', () => {
  const peers = ['a', 'b', 'c', 'd'].map(member);
  const [other, unused] = [member('other'), member('unused')];
  const counts = new Map<Member, number>();
  const sender = gossip([
    new Queue(['1'], peers),
    new Queue(['2'], [other]),
    new Queue([], [unused]),
  ]);
  for (let round = 0; round < 200; round++) {
    const targets = sender.targets();
    assert.equal(targets.size, 3);
    assert.ok(targets.has(other));
    for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  assert.equal(counts.has(unused), false);
  for (const peer of peers) {
    const count = counts.get(peer) ?? 0;
    assert.ok(count > 70 && count < 130, `${peer.name}: ${count}`);
  }
});

test('metrics of an extension are published when they are defined and when publishing begins', () => {
  const meters = new ExtensionMeters('my-bus');
  const counter = meters.counter('early_total', 'Early');
  const published: string[] = [];
  meters.publishTo(({ name, kind, help, read }) =>
    published.push(`${name} ${kind} ${help} ${read()}`),
  );
  counter.inc();
  counter.inc(-5);
  counter.inc(0.5);
  meters.gauge('late', 'Late', () => 7);
  assert.deepEqual(published, ['my_bus_early_total counter Early 0', 'my_bus_late gauge Late 7']);
  meters.publishTo(({ name, read }) => published.push(`${name} ${read()}`));
  assert.equal(published.at(2), 'my_bus_early_total 1.5');
  for (const name of ['', '1a', 'A', 'a-b', 'a b']) {
    assert.throws(() => meters.gauge(name, '', () => 0), { name: 'ConfigError' });
  }
});
