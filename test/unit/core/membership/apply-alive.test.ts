/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What an alive claim does to the table, the queue and the user; by the rules' numbers (behaviour, 4).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../../../src/core/member.js';
import { VERSION_BYTES } from '../../../../src/core/versions.js';
import { alive, dead, ip, makeEngine, mapped, ME, record, type Harness } from '../harness.js';
import { runToCompletion } from '../../../../src/wire/sliced.js';

/** A claim was dropped and counted, and left no trace. */
function assertDropped(harness: Harness, reason: Parameters<Harness['counters']['drop']>[0]): void {
  assert.equal(harness.counters.drops.get(reason), 1, reason);
  assert.equal(harness.reported('claim-refused').length, 1);
  assert.deepEqual(harness.events, []);
  assert.deepEqual(harness.takeBroadcasts(), []);
}

// Alive, rules 1 and 2: what is not even judged.

test('malformed claims are dropped and counted', () => {
  for (const [reason, claim] of [
    ['bad-versions', alive('a', { vsn: Buffer.of(0, 5, 2, 0, 0, 0) })],
    ['bad-versions', alive('a', { vsn: Buffer.of(1, 0, 2, 0, 0, 0) })],
    ['bad-versions', alive('a', { vsn: Buffer.of(5, 1, 2, 0, 0, 0) })],
    ['meta-too-large', alive('a', { meta: Buffer.alloc(513) })],
    ['bad-name', alive('')],
    ['bad-address', alive('a', { addr: Buffer.alloc(5) })],
  ] as const) {
    const harness = makeEngine();
    harness.receive(claim);
    assertDropped(harness, reason);
    assert.equal(harness.engine.table.size, 1);
  }
});

test('fewer than 6 version bytes of an unknown member are refused: no Go node would exchange state with a table that has it', () => {
  for (let length = 0; length < VERSION_BYTES; length++) {
    const claim = alive('a', { vsn: Buffer.of(1, 5, 2, 0, 0).subarray(0, length) });
    const objectionToAlive = (): undefined => undefined;
    for (const harness of [makeEngine(), makeEngine({ effects: { objectionToAlive } })]) {
      harness.receive(claim);
      assertDropped(harness, 'bad-versions');
    }
  }
});

test('fewer than 6 version bytes of a known member are refused if there is an alive delegate', () => {
  const harness = makeEngine({ effects: { objectionToAlive: () => undefined } });
  const { addr } = harness.addMember('a');
  harness.receive(alive('a', { incarnation: 2, addr, vsn: Buffer.of(1, 5) }));
  assert.equal(harness.counters.drops.get('bad-versions'), 1);
  assert.equal(harness.member('a').incarnation, 1);
});

const misfits: readonly (readonly number[])[] = [
  [1, 5, 0, 0, 0, 0],
  [1, 5, 6, 0, 0, 0],
  [3, 5, 3, 0, 0, 0],
  [1, 1, 1, 0, 0, 0],
  [1, 5, 2, 0, 0, 1],
  [1, 5, 2, 1, 0, 0],
  [1, 5, 2, 3, 4, 3],
  [1, 5, 2, 255, 255, 255],
];

test('members with incompatible versions are refused', () => {
  for (const versions of misfits) {
    const harness = makeEngine();
    harness.receive(alive('a', { vsn: Buffer.from(versions) }));
    assertDropped(harness, 'incompatible');
    assert.equal(harness.engine.table.size, 1);
  }
});

test('a known member cannot change to versions incompatible with ours', () => {
  for (const versions of misfits) {
    const harness = makeEngine();
    const { addr, vsn } = harness.addMember('a');
    harness.receive(alive('a', { incarnation: 9, addr, vsn: Buffer.from(versions) }));
    assert.equal(harness.counters.drops.get('incompatible'), 1);
    assert.deepEqual([harness.member('a').incarnation, harness.member('a').vsn], [1, vsn]);
  }
});

test('versions are compatible if each side understands what the other speaks', () => {
  for (const versions of [
    [1, 5, 1, 0, 0, 0],
    [1, 5, 5, 0, 0, 0],
    [2, 2, 2, 0, 0, 0],
    [1, 255, 2, 0, 9, 0],
  ]) {
    const harness = makeEngine();
    harness.receive(alive('a', { vsn: Buffer.from(versions) }));
    assert.equal(harness.member('a').state, 'alive', versions.join(' '));
  }
});

test('an incomplete set of versions does not replace a known full one', () => {
  const harness = makeEngine();
  const { addr, vsn } = harness.addMember('a');
  harness.receive(alive('a', { incarnation: 2, addr, vsn: Buffer.of(1, 5) }));
  assert.equal(harness.member('a').incarnation, 2);
  assert.deepEqual(harness.member('a').vsn, vsn);
  assert.equal(
    runToCompletion(harness.engine.merger.versionProblem({ records: [record('b')] })),
    undefined,
  );
});

test('the alive delegate receives the node, and may refuse it', () => {
  const shown: Node[] = [];
  const harness = makeEngine({
    effects: {
      objectionToAlive: (peer) => {
        shown.push(peer());
        return peer().meta.toString() === 'bad' ? new Error('not here') : undefined;
      },
    },
  });
  harness.receive(alive('a', { incarnation: 1, meta: Buffer.from('good') }));
  assert.deepEqual(harness.eventKinds, ['join']);
  assert.deepEqual(shown, [harness.member('a').snapshot()]);

  harness.forget();
  harness.receive(alive('a', { incarnation: 2, meta: Buffer.from('bad') }));
  assertDropped(harness, 'refused-by-delegate');
  assert.match(harness.reported('claim-refused')[0]?.detail ?? '', /not here/);
  assert.equal(harness.member('a').incarnation, 1);
});

test('claims of others about us are shown to the alive delegate, our own are not', () => {
  const harness = makeEngine({ effects: { objectionToAlive: () => new Error('refused') } });
  assert.equal(harness.engine.local.state, 'alive');
  harness.receive(alive(ME, { addr: ip('10.0.0.1'), incarnation: 7 }));
  assertDropped(harness, 'refused-by-delegate');
  assert.equal(harness.counters.refutations, 0);
});

// Alive, rules 3 and 4: addresses.

test('an unknown name joins only from an allowed address, and moves only to one', () => {
  // The sender's address is allowed.
  const allowsIp = (address: string): boolean => address !== '10.0.0.3';
  const harness = makeEngine({ effects: { allowsIp } });
  harness.receive(alive('b', { addr: ip('10.0.0.3') }));
  assertDropped(harness, 'not-allowed');
  assert.equal(harness.engine.table.get('b'), undefined);

  harness.addMember('a', { addr: ip('10.0.0.2'), state: 'left' });
  harness.receive(alive('a', { addr: ip('10.0.0.3'), incarnation: 2 }));
  assert.equal(harness.counters.drops.get('not-allowed'), 2);
  assert.equal(harness.member('a').state, 'left');
});

test('new members are added at random positions of the probe order', () => {
  const places = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const { engine, addMember } = makeEngine({ seed });
    for (const name of ['a', 'b', 'new']) addMember(name);
    places.add([...engine.table].findIndex(({ name }) => name === 'new'));
  }
  assert.deepEqual([...places].sort(), [0, 1, 2, 3]);
});

test('an address conflict is reported with both nodes, and changes nothing', () => {
  const harness = makeEngine();
  harness.addMember('a', { meta: Buffer.from('first'), state: 'suspect' });
  const before = harness.member('a').snapshot();
  const claim = { addr: ip('10.0.0.66'), port: 8000, incarnation: 9, meta: Buffer.from('second') };
  harness.receive(alive('a', claim));
  const [event] = harness.events;
  assert.ok(event?.type === 'conflict' && harness.events.length === 1);
  assert.equal(event.existing, before);
  assert.equal(event.other.address, '10.0.0.66:8000');
  assert.equal(event.other.meta.toString(), 'second');
  assert.equal(harness.member('a').snapshot(), before);
  assert.equal(harness.member('a').address, before.address);
  assert.equal(harness.engine.suspicionsRunning, 1);
  assert.deepEqual(harness.takeBroadcasts(), []);
  const [{ held, claimed } = assert.fail()] = harness.reported('address-conflict');
  assert.deepEqual([held, claimed], [before.address, '10.0.0.66:8000']);
});

test('another node with our name is a conflict as well, and is not refuted', () => {
  const harness = makeEngine();
  harness.receive(alive(ME, { addr: ip('10.0.0.66'), incarnation: 9 }));
  const [event] = harness.events;
  assert.ok(event?.type === 'conflict');
  assert.deepEqual(
    [event.existing.address, event.other.address],
    ['10.0.0.1:7946', '10.0.0.66:7946'],
  );
  assert.equal(harness.counters.refutations, 0);
  assert.equal(harness.engine.local.incarnation, 1);
});

for (const [what, state, waitMs, expected] of [
  ['gone because it left moves at once', 'left', 0, 'join'],
  ['dead for longer than deadNodeReclaimTime moves', 'dead', 5001, 'join'],
  ['dead for exactly deadNodeReclaimTime is in conflict', 'dead', 5000, 'conflict'],
] as const) {
  test(`a member that is ${what}, under any incarnation`, () => {
    const harness = makeEngine({ settings: { deadNodeReclaimTime: 5000 } });
    const { receive, addMember, member, run } = harness;
    addMember('a', { incarnation: 7, state });
    const before = member('a').snapshot();
    run(waitMs);
    const claim = alive('a', { addr: ip('10.0.0.66'), incarnation: 3 });
    receive(claim);
    assert.deepEqual(harness.eventKinds, [expected]);
    const moves = expected === 'join';
    assert.equal(member('a').state, moves ? 'alive' : state);
    assert.equal(member('a').incarnation, moves ? 3 : 7);
    assert.equal(member('a').address, moves ? '10.0.0.66:7946' : before.address);
    assert.deepEqual(harness.takeBroadcasts(), moves ? [claim] : []);
    assert.equal(harness.reported('address-reclaimed').length, moves ? 1 : 0);
  });
}

test('an address in 16 bytes does not conflict with the same one in 4, and is relayed unchanged', () => {
  const harness = makeEngine();
  harness.addMember('a', { addr: ip('10.0.0.2') });
  const claim = alive('a', { addr: mapped('10.0.0.2'), incarnation: 2 });
  harness.receive(claim);
  assert.deepEqual(harness.events, []);
  assert.deepEqual(harness.takeBroadcasts(), [claim]);
  assert.equal(harness.member('a').addr.length, 16);
  assert.equal(harness.member('a').address, '10.0.0.2:7946');
});

test('a claim without a port, or from protocol 1, means the configured port', () => {
  for (const [protocolVersion, port] of [
    [2, 0],
    [1, 8000],
  ] as const) {
    const { receive, member, takeBroadcasts } = makeEngine({
      settings: { protocolVersion, bindPort: 9000 },
    });
    receive(alive('a', { port }));
    assert.equal(member('a').address, '10.0.0.2:9000');
    assert.deepEqual(takeBroadcasts(), [alive('a', { port: 9000 })]);
  }
});

// Alive, rules 5 to 9.

test('an incarnation that is not above the known one is ignored', () => {
  for (const state of ['alive', 'suspect', 'dead', 'left'] as const) {
    const harness = makeEngine();
    harness.addMember('a', { incarnation: 5, state });
    for (const incarnation of [4, 5]) {
      harness.receive(alive('a', { incarnation, meta: Buffer.from('other') }));
    }
    assert.equal(harness.member('a').state, state);
    assert.equal(harness.member('a').meta, null);
    assert.deepEqual(harness.events, []);
    assert.deepEqual(harness.takeBroadcasts(), []);
  }
});

test('an unknown name is admitted under incarnation 0 too, which follows a wrap', () => {
  const { receive, member } = makeEngine();
  receive(alive('a', { incarnation: 0 }));
  assert.equal(member('a').state, 'alive');
});

test('a newer claim is stored completely and rebroadcast, and changed metadata is an update', () => {
  const harness = makeEngine();
  harness.addMember('a', { meta: Buffer.from('old') });
  const vsn = Buffer.of(1, 5, 4, 0, 3, 0);
  const claim = alive('a', { incarnation: 2, meta: Buffer.from('new'), vsn });
  harness.run(100);
  harness.receive(claim);
  const { meta, incarnation, protocol, delegateProtocol } = harness.member('a').snapshot();
  assert.deepEqual([meta, incarnation], [Buffer.from('new'), 2]);
  assert.deepEqual(protocol, { min: 1, max: 5, current: 4 });
  assert.deepEqual(delegateProtocol, { min: 0, max: 3, current: 0 });
  assert.equal(harness.member('a').stateChangedAt, 10_000, 'its state is as it was');
  assert.deepEqual(harness.takeBroadcasts(), [claim]);
  const node = harness.member('a').snapshot();
  assert.deepEqual(harness.events, [{ type: 'update', node, previousMeta: Buffer.from('old') }]);
  harness.receive(alive('a', { incarnation: 3, meta: Buffer.from('neo') }));
  const [first] = harness.events;
  assert.ok(first?.type === 'update');
  assert.deepEqual([first.node.meta, first.previousMeta], [Buffer.from('new'), Buffer.from('old')]);
});

test('a newer claim without changes causes no event, but is relayed', () => {
  const harness = makeEngine();
  harness.addMember('a', { meta: Buffer.from('web') });
  harness.receive(alive('a', { incarnation: 2, meta: Buffer.from('web') }));
  assert.deepEqual(harness.events, []);
  assert.equal(harness.takeBroadcasts().length, 1);
});

test('stored data of a claim is a copy, not a view of the packet', () => {
  const { receive, packet, member } = makeEngine();
  const bytes = packet(alive('a', { meta: Buffer.from('web') }), alive('b'));
  receive(bytes);
  bytes.fill(0);
  const { addr, meta, vsn } = member('a');
  assert.deepEqual([addr, meta, vsn], [ip('10.0.0.2'), Buffer.from('web'), alive('a').vsn]);
});

test('a suspect that is alive after all recovers, its timer is cleared, and there is no join', () => {
  const harness = makeEngine();
  harness.addMember('a', { state: 'suspect' });
  harness.run(1000);
  harness.receive(alive('a', { incarnation: 2 }));
  assert.deepEqual(harness.events, [{ type: 'refute', node: harness.member('a').snapshot() }]);
  assert.equal(harness.member('a').stateChangedAt, 11_000);
  assert.equal(harness.engine.suspicionsRunning, 0);
  harness.run(100_000);
  assert.equal(harness.member('a').state, 'alive');
});

test('a suspect that returns with other metadata recovers and is updated', () => {
  const harness = makeEngine();
  harness.addMember('a', { state: 'suspect' });
  harness.receive(alive('a', { incarnation: 2, meta: Buffer.from('new') }));
  assert.deepEqual(harness.eventKinds, ['refute', 'update']);
});

test('a dead or departed member that is alive again joins, whatever its metadata', () => {
  for (const state of ['dead', 'left'] as const) {
    const harness = makeEngine();
    harness.addMember('a', { state });
    harness.receive(alive('a', { incarnation: 2, meta: Buffer.from('new') }));
    assert.deepEqual(harness.events, [{ type: 'join', node: harness.member('a').snapshot() }]);
    assert.equal(harness.member('a').state, 'alive');
  }
});

test('beyond maxMembers unknown names are dropped and counted, and known members are not affected', () => {
  const harness = makeEngine({ settings: { maxMembers: 3 } });
  harness.addMember('a');
  harness.addMember('b');
  harness.receive(alive('c'));
  assert.equal(harness.engine.table.size, 3);
  assert.equal(harness.counters.drops.get('too-many-members'), 1);
  assert.equal(harness.reported('claim-refused').at(-1)?.reason, 'too-many-members');
  harness.receive(alive('b', { incarnation: 2, addr: harness.member('b').addr }));
  assert.equal(harness.member('b').incarnation, 2);
  harness.receive(dead('a', { incarnation: 2 }));
  harness.receive(alive('a', { incarnation: 3, addr: harness.member('a').addr }));
  assert.equal(harness.member('a').state, 'alive');
  harness.receive(dead('a', { incarnation: 3 }));
  harness.engine.forget('a');
  harness.receive(alive('c'));
  assert.equal(harness.member('c').state, 'alive', 'there is room again');
});
