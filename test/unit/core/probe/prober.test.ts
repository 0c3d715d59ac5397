/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Behaviour, sections 2, 3.1 and 5: who is probed, and when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timer } from '../../../../src/core/ports.js';
import { SeededRandom, VirtualClock } from '../../../../src/testing/index.js';
import { MessageType } from '../../../../src/wire/message-type.js';
import { limits } from '../../../../src/wire/limits.js';
import { runToCompletion } from '../../../../src/wire/sliced.js';
import { alive, dead, ip, record, type Harness } from '../harness.js';
import { StallableClock } from '../stallable-clock.js';
import { ack, makeProber, nextPing } from './probing.js';

/** The targets of so many rounds that are all answered at once, with the time of each. */
function answeredRounds(harness: Harness, rounds: number): { node: string; at: number }[] {
  return Array.from({ length: rounds }, () => {
    const { ping, packet } = nextPing(harness);
    harness.receive(ack(ping.seqNo));
    return { node: ping.node, at: packet.at };
  });
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `m${n}`);
}

test('each member is probed once in a pass, and each pass has a different order', () => {
  const harness = makeProber();
  const members = names(8);
  for (const name of members) harness.addMember(name);
  const first = answeredRounds(harness, 200).map(({ node }) => node);
  // The passes begin at the first shuffle: line them up by the first whole one.
  const offset = [0, 1, 2, 3, 4, 5, 6, 7].find((start) =>
    [0, 1, 2].every((pass) => {
      const from = start + pass * 8;
      return new Set(first.slice(from, from + 8)).size === 8;
    }),
  );
  assert.ok(offset !== undefined, 'passes of eight different members');
  const passes: string[] = [];
  for (let at = offset; at + 8 <= first.length; at += 8) {
    const pass = first.slice(at, at + 8);
    assert.deepEqual([...pass].sort(), members);
    passes.push(pass.join());
  }
  assert.ok(new Set(passes).size > passes.length / 2, 'the orders differ');
});

test('there are at most 2n − 1 rounds between two probes of a member', () => {
  const harness = makeProber();
  const members = names(6);
  for (const name of members) harness.addMember(name);
  const targets = answeredRounds(harness, 300).map(({ node }) => node);
  for (const name of members) {
    const rounds = targets.flatMap((node, round) => (node === name ? [round] : []));
    const gaps = rounds.slice(1).map((round, i) => round - (rounds[i] ?? 0));
    assert.ok(Math.max(...gaps) <= 2 * members.length - 1, `${name}: ${Math.max(...gaps)}`);
  }
});

test('a round begins every probe interval', () => {
  const harness = makeProber();
  harness.addMember('a');
  const times = answeredRounds(harness, 10).map(({ at }) => at);
  for (const [i, at] of times.slice(1).entries()) assert.ok(Math.abs(at - times[i]! - 1000) < 1e-6);
});

test('suspects are probed; the node itself and dead or departed members are not', () => {
  const harness = makeProber();
  harness.addMember('d', { state: 'dead' });
  harness.addMember('l', { state: 'left' });
  harness.run(5000);
  assert.deepEqual(harness.sent, [], 'a whole pass without anybody ends the round');
  harness.addMember('s', { state: 'suspect' });
  assert.equal(nextPing(harness).ping.node, 's');
});

test('members that died long ago are reaped at the end of a pass, recently dead ones are not', () => {
  const harness = makeProber();
  harness.addMember('old', { state: 'dead' });
  harness.addMember('gone', { state: 'left' });
  harness.run(29_000);
  harness.addMember('fresh', { state: 'dead' });
  harness.addMember('a');
  const reaped = (): string[] => harness.reported('member-reaped').map(({ peer }) => peer);
  answeredRounds(harness, 8);
  assert.deepEqual(reaped().sort(), ['gone', 'old']);
  assert.ok(harness.engine.table.get('fresh') !== undefined);
  assert.equal(harness.engine.table.get('old'), undefined);
});

test('a tick during a round is skipped; the next round begins when a failed one ends', () => {
  const harness = makeProber();
  harness.addMember('a');
  harness.addMember('b');
  const first = nextPing(harness);
  const second = nextPing(harness);
  assert.ok(Math.abs(second.packet.at - first.packet.at - 1000) < 2, 'right after the verdict');
  // The score is 1 now: this round lasts two seconds, and nothing is probed within it.
  const third = nextPing(harness);
  const between = third.packet.at - second.packet.at;
  assert.ok(between >= 1999 && between < 2002, `${between} ms`);
});

test('inexact timers lose no round', () => {
  const lateness = new SeededRandom('lateness');
  class UnpunctualClock extends VirtualClock {
    override setTimer(delayMs: number, callback: () => void): Timer {
      return super.setTimer(delayMs > 0 ? delayMs + lateness.next() : 0, callback);
    }
  }
  const clock = new UnpunctualClock({ now: 10_000 });
  // No member ever answers, and the interval stays the same.
  const settings = { awarenessMaxMultiplier: 1, suspicionMult: 1000 };
  const harness = makeProber({ clock, settings });
  harness.addMember('a');
  harness.addMember('b');
  harness.run(100_000);
  const failed = harness.counters.probes.get('failed') ?? 0;
  assert.ok(failed >= 97, `only ${failed} rounds in 100 s`);
});

test('a tick in the middle of a round, as after a stall, is skipped', () => {
  const clock = new StallableClock({ now: 10_000 });
  const settings = { awarenessMaxMultiplier: 1, suspicionMult: 1000 };
  const harness = makeProber({ clock, settings });
  harness.addMember('a');
  harness.addMember('b');
  const { packet, ping } = nextPing(harness);
  harness.receive(ack(ping.seqNo));
  // The tick that is due a second after this one comes 700 ms late.
  clock.stall(packet.at + 1700 - clock.now());
  harness.run(3000);
  const times = harness.sent.flatMap(({ at, messages }) =>
    messages[0]?.type === MessageType.ping ? [Math.round(at - packet.at)] : [],
  );
  assert.deepEqual(times, [0, 1700, 3000, 4000]);
});

test('an unhealthy node probes less often', () => {
  const harness = makeProber();
  harness.addMember('a');
  harness.engine.health.add(7);
  const { ping, packet } = nextPing(harness);
  harness.receive(ack(ping.seqNo)); // better: 6
  const next = nextPing(harness);
  const between = next.packet.at - packet.at;
  assert.ok(between > 6000 && between <= 8001, `${between} ms`);
});

test('a stop ends the round without a verdict, and a start begins a new one', () => {
  const harness = makeProber();
  harness.addMember('a');
  nextPing(harness);
  harness.engine.stopSchedulers();
  harness.engine.stopSchedulers();
  assert.equal(harness.engine.acks.size, 0);
  harness.run(20_000);
  assert.equal(harness.member('a').state, 'alive');
  assert.equal(harness.counters.probes.get('abandoned'), 1);
  harness.engine.startSchedulers();
  harness.engine.startSchedulers();
  assert.equal(answeredRounds(harness, 3).length, 3);
});

test('a member at whose address another name is claimed is probed next, once, and no other is', () => {
  const harness = makeProber();
  for (const name of names(50)) harness.addMember(name);
  const { addr } = harness.member('m40');
  const first = answeredRounds(harness, 1);
  assert.notEqual(first[0]?.node, 'm40');
  harness.receive(alive('newcomer', { addr }));
  harness.receive(alive('elsewhere', { addr: ip('10.7.7.7') }));
  assert.equal(answeredRounds(harness, 1)[0]?.node, 'm40');
  // It answered, so both are alive for all that is known, and each has its turn.
  const next = answeredRounds(harness, 10).map(({ node }) => node);
  assert.equal(new Set(next).size, 10);
  // One that moves to the address of another counts as well.
  harness.receive(alive('newcomer', { addr, incarnation: 2 }));
  harness.receive(dead('m1', { from: 'm1' }));
  harness.receive(alive('m1', { addr: harness.member('m45').addr, incarnation: 2 }));
  assert.equal(answeredRounds(harness, 1)[0]?.node, 'm45');
});

test('a member whose address is taken over and that died meanwhile is not probed', () => {
  const harness = makeProber();
  for (const name of names(10)) harness.addMember(name);
  harness.receive(alive('newcomer', { addr: harness.member('m4').addr }));
  harness.receive(dead('m4'));
  assert.ok(answeredRounds(harness, 30).every(({ node }) => node !== 'm4'));
});

test('address takeovers get at most every other probe, however many claims there are', () => {
  const harness = makeProber();
  for (const name of names(40)) harness.addMember(name);
  const addr = (n: number): Buffer => Buffer.of(10, 9, 0, n);
  for (let n = 0; n < 100; n++) harness.receive(alive(`first-${n}`, { addr: addr(n) }));
  for (let n = 0; n < 100; n++) harness.receive(alive(`second-${n}`, { addr: addr(n) }));
  const targets = answeredRounds(harness, 100).map(({ node }) => node);
  const early = targets.map((node) => /^(first|second)-/.test(node));
  assert.ok(early.filter(Boolean).length > 40);
  // Of the other half of the probes each goes to whose turn it is.
  assert.ok(new Set(targets.filter((node) => node.startsWith('m'))).size > 8);
});

test('ever more names that answer at one address do not prevent the probes of other members', () => {
  const harness = makeProber();
  for (const name of names(5)) harness.addMember(name);
  const addr = ip('10.9.9.1');
  let forged = 0;
  const claim = (): void => harness.receive(alive(`f${forged++}`, { addr }));
  for (let n = 0; n < 20; n++) claim();
  const targets: string[] = [];
  for (let round = 0; round < 100; round++) {
    claim();
    targets.push(...answeredRounds(harness, 1).map(({ node }) => node));
  }
  for (const name of names(5)) assert.ok(targets.includes(name), name);
  assert.ok(harness.engine.takeovers.size <= limits.takeoverMembers);
});

test('an address whose holder answered is not checked again before the pass is over', () => {
  const harness = makeProber();
  for (const name of names(30)) harness.addMember(name);
  const { addr } = harness.member('m20');
  harness.receive(alive('a', { addr }));
  answeredRounds(harness, 1);
  harness.receive(alive('b', { addr }));
  harness.receive(alive('c', { addr }));
  const targets = answeredRounds(harness, 20).map(({ node }) => node);
  assert.equal(new Set(targets).size, targets.length, 'each in its turn');
});

test('a table with more members at one address than a call can have arguments works', () => {
  const harness = makeProber();
  const addr = ip('10.9.9.1');
  const records = Array.from({ length: 130_000 }, (_, n) => record(`f${n}`, { addr }));
  runToCompletion(harness.engine.merger.merge(records));
  harness.receive(alive('one-more', { addr }));
  answeredRounds(harness, 5);
  assert.ok(harness.engine.takeovers.size <= limits.takeoverMembers);
});

test('address takeovers are found in a table that is too long for one search', () => {
  const harness = makeProber();
  const records = Array.from({ length: 3 * limits.takeoverSearchRows }, (_, n) =>
    record(`f${n}`, { addr: Buffer.of(10, 1 + (n >> 16), (n >> 8) & 0xff, n & 0xff) }),
  );
  runToCompletion(harness.engine.merger.merge(records));
  harness.receive(alive('newcomer', { addr: records[40_000]!.addr }));
  const targets = answeredRounds(harness, 20).map(({ node }) => node);
  assert.ok(targets.includes('f40000'));
});
