/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Real members among made-up ones: who is probed, who helps, who hears of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../../src/wire/limits.js';
import { MessageType } from '../../../../src/wire/message-type.js';
import { runToCompletion } from '../../../../src/wire/sliced.js';
import { alive, addressOf, dead, record, suspect, type Harness } from '../harness.js';
import { ack, makeProber, nack, nextPing, ping } from './probing.js';

/** Forged members, each at an address of its own where no process answers. */
function forge(harness: Harness, count: number, from = 0): void {
  const records = Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return record(`f${n}`, { addr: Buffer.of(10, 64 + (n >> 16), (n >> 8) & 0xff, n & 0xff) });
  });
  runToCompletion(harness.engine.merger.merge(records));
  harness.engine.queue.reset();
}

/** Runs rounds in which real members answer, and help; gives the targets. */
function rounds(harness: Harness, count: number, answers: (node: string) => boolean): string[] {
  const targets: string[] = [];
  while (targets.length < count) {
    const { ping: sent } = nextPing(harness);
    targets.push(sent.node);
    if (answers(sent.node)) {
      harness.receive(ack(sent.seqNo));
      continue;
    }
    harness.run(harness.settings.probeTimeout + 10);
    for (const { to, messages } of harness.sent) {
      const [asked] = messages;
      if (asked?.type !== MessageType.indirectPing || asked.seqNo !== sent.seqNo) continue;
      if (answers(to.name ?? '')) harness.receive(nack(sent.seqNo));
    }
    harness.sent.length = 0;
  }
  return targets;
}

const isReal = (node: string): boolean => node.startsWith('m');

function withReal(count: number, settings = {}): Harness {
  const harness = makeProber({ settings });
  for (let n = 0; n < count; n++) harness.addMember(`m${n}`);
  rounds(harness, 3 * count, isReal);
  assert.equal(harness.engine.verified.size, count);
  return harness;
}

test('without forged members no member is ever overdue', () => {
  const harness = withReal(12);
  for (let round = 0; round < 300; round++) {
    rounds(harness, 1, isReal);
    assert.equal(harness.engine.verified.overdue(), undefined);
  }
  assert.equal(harness.engine.verified.isOutnumbered, false);
});

test('with any number of forged members, a verified member is probed at least once in 2v + 8 rounds', () => {
  const count = 6;
  const harness = withReal(count);
  forge(harness, 20_000);
  const targets = rounds(harness, 150, isReal);
  assert.equal(harness.engine.verified.isOutnumbered, true);
  for (let n = 0; n < count; n++) {
    const at = targets.flatMap((node, round) => (node === `m${n}` ? [round] : []));
    const gaps = [...at, targets.length].map((round, i) => round - (at[i - 1] ?? 0));
    assert.ok(Math.max(...gaps) <= 2 * count + 8, `m${n}: ${gaps.join()}`);
  }
  assert.ok(targets.filter((node) => !isReal(node)).length >= 70, 'the others have their half');
});

test('this also holds while forged members claim addresses', () => {
  const count = 5;
  const harness = withReal(count);
  forge(harness, 5_000);
  const targets: string[] = [];
  for (let round = 0; round < 120; round++) {
    const addr = Buffer.of(10, 200, 0, round);
    harness.receive(alive(`f-a${round}`, { addr }));
    harness.receive(alive(`f-b${round}`, { addr }));
    targets.push(...rounds(harness, 1, isReal));
  }
  for (let n = 0; n < count; n++) {
    const at = targets.flatMap((node, round) => (node === `m${n}` ? [round] : []));
    const gaps = [...at, targets.length].map((round, i) => round - (at[i - 1] ?? 0));
    assert.ok(Math.max(...gaps) <= 2 * count + 8, `m${n}: ${gaps.join()}`);
  }
});

test('failed probes of forged members do not raise the health score, because real members help', () => {
  const harness = withReal(6);
  forge(harness, 20_000);
  rounds(harness, 40, isReal);
  assert.ok(harness.engine.health.score <= 1, `${harness.engine.health.score}`);
});

/** Runs a probe that is not answered; gives the members that are asked for help. */
function helpersOf(harness: Harness): { target: string; helpers: string[] } {
  const { ping: sent } = nextPing(harness);
  harness.sent.length = 0;
  harness.run(harness.settings.probeTimeout + 10);
  const asked = harness.sent.filter(({ messages }) => {
    const [first] = messages;
    return first?.type === MessageType.indirectPing && first.seqNo === sent.seqNo;
  });
  return { target: sent.node, helpers: asked.map(({ to }) => to.name ?? '') };
}

test('forged names are not asked for help in a small table either', () => {
  const harness = withReal(6);
  forge(harness, 12);
  rounds(harness, 12, isReal);
  assert.equal(harness.engine.verified.prefersVerifiedHelpers, true);
  const { helpers } = helpersOf(harness);
  assert.equal(helpers.length, 3);
  assert.ok(helpers.every(isReal), helpers.join());
});

test('if verified members do not answer directly, all members may help', () => {
  const harness = withReal(6);
  forge(harness, 12);
  rounds(harness, 12, isReal);
  for (let round = 0; round < 12; round++) helpersOf(harness);
  assert.equal(harness.engine.verified.prefersVerifiedHelpers, false);
});

test('of several names that answer at one address only one is verified', () => {
  const harness = withReal(3);
  const addr = Buffer.of(10, 77, 0, 1);
  for (let n = 0; n < 30; n++) harness.receive(alive(`f${n}`, { addr }));
  rounds(harness, 60, () => true);
  assert.equal(harness.engine.verified.size, 4);
  assert.equal(harness.engine.verified.isOutnumbered, true, 'no honest node answers for several');
});

test('a member that pings us from its own address is probed even if its turn does not come', () => {
  const harness = withReal(3);
  forge(harness, 10_000);
  const newcomer = alive('m-new', { addr: Buffer.of(10, 78, 0, 1) });
  harness.receive(newcomer);
  assert.equal(rounds(harness, 40, isReal).includes('m-new'), false);
  const source = { sourceNode: 'm-new', sourceAddr: newcomer.addr, sourcePort: newcomer.port };
  harness.receive(ping(1, source), { addr: '10.1.1.1:7946' });
  assert.equal(harness.engine.verified.has(harness.member('m-new')), false, 'from elsewhere');
  harness.receive(ping(1, source), { addr: addressOf(newcomer) });
  assert.ok(rounds(harness, 40, isReal).includes('m-new'));
});

test('pings with forged sources verify a bounded number, and a member that does not answer loses its verification', () => {
  const harness = withReal(3);
  forge(harness, 500);
  for (let n = 0; n < 500; n++) {
    const member = harness.member(`f${n}`);
    const { name: sourceNode, addr: sourceAddr, port: sourcePort } = member;
    harness.receive(ping(n, { sourceNode, sourceAddr, sourcePort }), { addr: member.address });
  }
  assert.equal(harness.engine.verified.size, 3 + limits.unconfirmedMembers);
  rounds(harness, 600, isReal);
  assert.ok(harness.engine.verified.size < 20, `${harness.engine.verified.size}`);
});

test('suspicion timeouts and transmissions are based on verified members while these are outnumbered', () => {
  const harness = withReal(6);
  assert.equal(harness.engine.verified.clusterSize, 7);
  forge(harness, 20_000);
  assert.equal(harness.engine.verified.clusterSize, 20_007);
  rounds(harness, 30, isReal);
  assert.equal(harness.engine.verified.clusterSize, 7);
  const since = harness.clock.now();
  harness.receive(suspect('m1'));
  harness.receive(suspect('m1', { from: 'm2' }));
  harness.receive(suspect('m1', { from: 'm3' }));
  while (harness.member('m1').state === 'suspect') harness.run(100);
  assert.ok(harness.clock.now() - since < 4_500, 'the shortest time of a cluster of seven');
});

test('claims about verified members are sent before claims about forged ones', () => {
  const harness = withReal(6);
  forge(harness, 2_000);
  rounds(harness, 30, isReal);
  harness.engine.queue.reset();
  forge(harness, 10, 100_000);
  for (let n = 0; n < 200; n++)
    harness.receive(alive(`f${n}`, { incarnation: 2, addr: harness.member(`f${n}`).addr }));
  harness.receive(suspect('m1'));
  harness.sent.length = 0;
  const { name: sourceNode, addr: sourceAddr, port: sourcePort, address } = harness.member('m2');
  harness.receive(ping(7, { sourceNode, sourceAddr, sourcePort }), { addr: address });
  const [, first] = harness.sent[0]!.messages;
  assert.deepEqual(first, suspect('m1'));
});

test('once the forged members are gone all is as before', () => {
  const harness = withReal(6);
  forge(harness, 300);
  rounds(harness, 40, isReal);
  assert.equal(harness.engine.verified.isOutnumbered, true);
  for (let n = 0; n < 300; n++) harness.receive(dead(`f${n}`));
  rounds(harness, 80, isReal);
  assert.equal(harness.engine.table.size, 7);
  assert.equal(harness.engine.verified.isOutnumbered, false);
});

test('dead members are reaped even if no pass ends', () => {
  const harness = withReal(4);
  forge(harness, 30_000);
  rounds(harness, 30, isReal);
  for (let n = 0; n < 20_000; n++) harness.receive(dead(`f${n}`));
  rounds(harness, 80, isReal);
  assert.ok(harness.engine.table.size < 11_000, `${harness.engine.table.size}`);
});
