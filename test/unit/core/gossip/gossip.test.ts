/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Behaviour, section 6: who hears what, and that every packet takes news along.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../../src/testing/index.js';
import { MessageType } from '../../../../src/wire/message-type.js';
import type { Address } from '../../../../src/wire/address.js';
import type { Ping } from '../../../../src/wire/messages.js';
import { alive, ip, makeEngine, ME, type Harness, type HarnessOptions } from '../harness.js';
import { ack, makeProber, nextPing, ping } from '../probe/probing.js';

function makeGossiper(options: HarnessOptions = {}): Harness {
  const settings = { probeInterval: 0, pushPullInterval: 0, queueCheckInterval: 0 };
  return makeEngine({
    ...options,
    schedulers: true,
    settings: { ...settings, ...options.settings },
  });
}

/** An update about an unrelated member, of about this many bytes. */
function spread(harness: Harness, name: string, bytes = 0): void {
  const meta = Buffer.alloc(Math.min(512, bytes), 'm');
  harness.receive(alive(name, { addr: ip('10.5.5.5'), meta }));
}

const hearers = (harness: Harness): string[] => [
  ...new Set(harness.sent.map(({ to }) => to.name ?? to.addr)),
];

test('alive, suspect and recently dead members receive gossip; members that left or died long ago and the node itself do not', () => {
  const harness = makeGossiper({ settings: { gossipNodes: 20 } });
  harness.addMember('long-dead', { state: 'dead' });
  harness.run(31_000);
  harness.addMember('alive');
  harness.addMember('suspect', { state: 'suspect' });
  harness.addMember('dead', { state: 'dead' });
  harness.addMember('left', { state: 'left' });
  spread(harness, 'far');
  harness.run(200);
  assert.deepEqual(hearers(harness).sort(), ['alive', 'dead', 'far', 'suspect']);
});

test('each round sends gossip to the configured number of members', () => {
  const harness = makeGossiper();
  for (let n = 0; n < 12; n++) harness.addMember(`m${n}`);
  spread(harness, 'far');
  harness.run(200);
  assert.equal(harness.sent.length, 3);
  assert.equal(hearers(harness).length, 3);
});

test('a quiet node does not wake up for gossip, and still sends an update within an interval', () => {
  const clock = new VirtualClock();
  const harness = makeGossiper({ clock, effects: { hasUserBroadcasts: () => false } });
  harness.addMember('a');
  harness.run(10_000);
  harness.forget();
  assert.equal(clock.pending, 0);
  harness.run(3_600_000);
  for (const [host, wait] of [70, 90_000.5].entries()) {
    harness.run(wait);
    harness.receive(alive(`far-${host}`, { addr: ip(`10.5.5.${host}`) }));
    harness.run(0);
    assert.equal(clock.pending, 1);
    harness.run(200);
    assert.ok(harness.sent.length > 0);
    harness.run(10_000);
    assert.equal(clock.pending, 0);
    harness.sent.splice(0);
  }
  const { sent, engine } = harness;
  engine.queue.queueBroadcast({ message: Buffer.of(MessageType.user, 1) });
  harness.run(200);
  assert.ok(sent.length > 0, 'a broadcast of the user’s is news, too');
});

test('a node whose delegate may have broadcasts keeps asking it', () => {
  const clock = new VirtualClock();
  const harness = makeGossiper({ clock, effects: { hasUserBroadcasts: () => true } });
  harness.addMember('a');
  harness.run(10_000);
  assert.equal(clock.pending, 1);
});

test('without updates nothing is sent', () => {
  const harness = makeGossiper();
  harness.addMember('a');
  harness.run(10_000);
  assert.deepEqual(harness.sent, []);
});

test('an update is sent as often as the retransmit limit says, and then no more', () => {
  const harness = makeGossiper();
  for (let n = 0; n < 8; n++) harness.addMember(`m${n}`);
  spread(harness, 'far'); // ten members: 4 × ⌈log10 11⌉
  harness.run(60_000);
  assert.equal(harness.sent.flatMap(({ messages }) => messages).length, 8);
  assert.equal(harness.engine.queue.numQueued, 0);
});

test('no packet exceeds the buffer size or has more than 255 parts', () => {
  for (const udpBufferSize of [1400, 20_000]) {
    const harness = makeGossiper({ settings: { udpBufferSize, handoffQueueDepth: 10_000 } });
    harness.addMember('a');
    for (let n = 0; n < 400; n++) spread(harness, `far-${n}`, (n * 7) % 60);
    harness.run(2000);
    const sizes = harness.sent.map(({ packet }) => packet.length);
    assert.ok(Math.max(...sizes) <= udpBufferSize);
    assert.ok(
      Math.max(...sizes) > udpBufferSize * 0.9 || udpBufferSize > 1400,
      'and they are filled',
    );
    assert.ok(Math.max(...harness.sent.map(({ messages }) => messages.length)) <= 255);
    assert.ok(harness.sent.flatMap(({ messages }) => messages).length >= 400);
  }
});

test('a user broadcast follows ours, after its type byte', () => {
  const asked: [number, number][] = [];
  const userBroadcasts = (_to: Address, overhead: number, limit: number): Buffer[] => {
    asked.push([overhead, limit]);
    return [Buffer.from('news')];
  };
  const harness = makeGossiper({ effects: { userBroadcasts } });
  harness.addMember('a');
  spread(harness, 'far');
  harness.run(200);
  const [packet] = harness.sent;
  assert.equal(packet?.messages[0]?.type, MessageType.alive);
  assert.deepEqual(packet.messages[1], { type: MessageType.user, payload: Buffer.from('news') });
  const [overhead, limit] = asked[0]!;
  assert.equal(overhead, 3, 'its length, and its type');
  assert.ok(limit < 1400 && limit > 1300);
});

test('delegate broadcasts beyond the limit are dropped and reported', () => {
  const userBroadcasts = (_to: Address, overhead: number, limit: number): Buffer[] => [
    Buffer.alloc(limit - overhead - 10),
    Buffer.alloc(100),
    Buffer.alloc(10 - overhead),
  ];
  const harness = makeGossiper({ effects: { userBroadcasts } });
  harness.addMember('a');
  harness.run(200);
  assert.equal(harness.sent[0]?.messages.length, 2);
  assert.ok(harness.sent[0].packet.length <= 1400);
  const [report] = harness.reported('user-broadcast-too-large');
  assert.deepEqual([report?.size, report?.limit], [100, 7]);
});

test('pings, acks and nacks carry updates', () => {
  const harness = makeProber();
  harness.addMember('a');
  spread(harness, 'far');
  const { packet } = nextPing(harness);
  assert.deepEqual(packet.messages.map(({ type }) => type).sort(), [0, MessageType.alive]);

  harness.forget();
  spread(harness, 'far-2');
  const { addr: sourceAddr, port: sourcePort } = harness.member('a');
  const source = { sourceAddr, sourcePort, sourceNode: 'a' };
  const from = harness.member('a').destination;
  harness.receive(ping(9, { node: ME, ...source }), from);
  assert.deepEqual(
    harness.sent[0]?.messages.map(({ type }) => type),
    [MessageType.ackResp, MessageType.alive],
  );

  harness.forget();
  const request = {
    ...ping(77),
    ...source,
    target: ip('10.0.0.5'),
    port: 1,
    node: 'x',
    nack: true,
  };
  harness.receive({ ...request, type: MessageType.indirectPing }, from);
  harness.run(499);
  harness.sent.length = 0;
  spread(harness, 'far-3');
  harness.run(2);
  const nackPacket = harness.sent.find(
    ({ messages }) => messages[0]?.type === MessageType.nackResp,
  );
  assert.equal(nackPacket?.messages[1]?.type, MessageType.alive);
});

// A stranger chooses where the answer goes, by what it writes into a ping or by its own source address.
const strangers: [who: string, source: Partial<Ping>][] = [
  ['names no source', {}],
  ['names an unknown node', { sourceAddr: ip('10.0.0.99'), sourcePort: 53, sourceNode: 'x' }],
  [
    'names a member at another address',
    { sourceAddr: ip('10.0.0.99'), sourcePort: 53, sourceNode: 'a' },
  ],
  [
    'names a member and its address, and sends from elsewhere',
    { sourceAddr: ip('10.0.0.2'), sourcePort: 7946, sourceNode: 'a' },
  ],
  ['names a member’s address and no name', { sourceAddr: ip('10.0.0.2'), sourcePort: 7946 }],
];
for (const [who, source] of strangers) {
  test(`an answer to a peer that ${who} carries no broadcasts`, () => {
    const harness = makeEngine();
    harness.addMember('a', { addr: ip('10.0.0.2') });
    spread(harness, 'far');
    harness.receive(ping(9, { node: ME, ...source }));
    const target = { target: ip('10.0.0.5'), port: 1, node: 'x', nack: true };
    harness.receive({ ...ping(77, source), ...target, type: MessageType.indirectPing });
    harness.run(501);
    assert.deepEqual(
      harness.sent.map(({ messages }) => messages.map(({ type }) => type)),
      [[MessageType.ackResp], [MessageType.ping], [MessageType.nackResp]],
    );
    let timesLeft = 0;
    while (harness.engine.queue.getBroadcasts(0, Infinity).length > 0) timesLeft++;
    assert.equal(timesLeft, harness.settings.retransmitMult, 'and none counts as sent');
  });
}

test('a ping from the user to an address of no member carries no broadcasts', () => {
  const harness = makeEngine();
  spread(harness, 'far');
  harness.engine.ping({ node: 'x', addr: '10.0.0.99:1' }, () => undefined);
  assert.deepEqual(
    harness.sent[0]?.messages.map(({ type }) => type),
    [MessageType.ping],
  );
});

test('only receivers that are known to speak protocol 5 get a checksum', () => {
  const harness = makeEngine();
  harness.addMember('new');
  harness.addMember('old', { vsn: Buffer.of(1, 4, 2, 0, 0, 0) });
  for (const [node, first] of [
    ['new', MessageType.hasCrc],
    ['old', MessageType.ping],
    ['stranger', MessageType.ping],
  ] as const) {
    harness.engine.ping({ node, addr: '10.0.0.2:7946' }, () => undefined);
    assert.equal(harness.sent.at(-1)?.packet[0], first, node);
  }
});

test('after a join state is exchanged at about 1, 2, 4, … s, until the regular interval', () => {
  const harness = makeEngine({
    schedulers: true,
    settings: { probeInterval: 0, gossipInterval: 0 },
  });
  for (let n = 0; n < 4; n++) harness.addMember(`m${n}`);
  const begin = harness.clock.now();
  const times: number[] = [];
  harness.engine.settle();
  for (let ms = 0; ms < 29_000; ms++) {
    const before = harness.pushPulls.length;
    harness.run(1);
    if (harness.pushPulls.length > before) times.push(harness.clock.now() - begin);
  }
  // One of them may be the regular one, which began at a random moment.
  assert.ok(times.length >= 4 && times.length <= 6, times.join());
  assert.ok(times[0]! <= 1501);
  assert.ok(harness.pushPulls.every(({ name }) => name !== ME));
});

test('there is no settling if it is switched off', () => {
  const settings = { settleAfterJoin: false, pushPullInterval: 0 };
  const harness = makeEngine({ schedulers: true, settings });
  harness.addMember('a');
  harness.engine.settle();
  harness.run(20_000);
  assert.deepEqual(harness.pushPulls, []);
});

test('push/pull goes to a random alive peer, and more rarely in a large cluster', () => {
  const exchanges = (members: number): number => {
    const settings = { probeInterval: 0, gossipInterval: 0, pushPullInterval: 1000 };
    const harness = makeEngine({ schedulers: true, settings });
    for (let n = 1; n < members; n++) harness.addMember(`m${n}`);
    harness.run(4000); // the first tick was set for a small cluster
    harness.forget();
    harness.run(120_000);
    assert.ok(new Set(harness.pushPulls.map(({ name }) => name)).size > 15);
    return harness.pushPulls.length;
  };
  assert.equal(exchanges(32), 120);
  assert.equal(exchanges(33), 60);
  assert.equal(exchanges(65), 40);
});

test('push/pull skips suspect, dead and departed members', () => {
  const settings = { probeInterval: 0, gossipInterval: 0, pushPullInterval: 1000 };
  const harness = makeEngine({ schedulers: true, settings });
  harness.addMember('s', { state: 'suspect' });
  harness.addMember('d', { state: 'dead' });
  harness.addMember('l', { state: 'left' });
  harness.run(3000);
  assert.deepEqual(harness.pushPulls, []);
  harness.addMember('a');
  harness.run(1000);
  assert.deepEqual(
    harness.pushPulls.map(({ name }) => name),
    ['a'],
  );
});

test('the queue depth is reported', () => {
  const harness = makeEngine({ schedulers: true, settings: { gossipInterval: 0 } });
  harness.run(31_000);
  assert.equal(harness.reported('queue-depth')[0]?.depth, 0);
});

test('a late ack is counted and changes nothing', () => {
  const harness = makeEngine();
  harness.receive(ack(4));
  assert.equal(harness.counters.drops.get('unexpected-ack'), 1);
});

test('a quiet round draws no random member, unless the user’s delegate may have broadcasts', () => {
  for (const hasUserBroadcasts of [false, true]) {
    const harness = makeGossiper({ effects: { hasUserBroadcasts: () => hasUserBroadcasts } });
    harness.addMember('a');
    harness.forget();
    harness.run(200);
    const { random } = harness;
    const next = random.next.bind(random);
    let drawn = 0;
    random.next = () => {
      drawn++;
      return next();
    };
    harness.run(10_000);
    assert.equal(drawn > 0, hasUserBroadcasts);
    assert.deepEqual(harness.sent, []);
  }
});
