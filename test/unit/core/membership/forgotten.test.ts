/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { runToCompletion } from '../../../../src/wire/sliced.js';
import { suite, test } from 'node:test';
import { MessageType } from '../../../../src/wire/message-type.js';
import { limits } from '../../../../src/wire/limits.js';
import { alive, ip, makeEngine, ME, record, type Harness } from '../harness.js';

/** Answers the last ping that went to a node. */
function answer(harness: Harness, name: string): void {
  const ping = harness.messagesTo(name).at(-1);
  assert.ok(ping?.type === MessageType.ping);
  harness.receive({ type: MessageType.ackResp, seqNo: ping.seqNo, payload: Buffer.alloc(0) });
}

suite('forgetting a member', () => {
  test('removes it from the table at once, whether it died or left', () => {
    for (const state of ['dead', 'left'] as const) {
      const harness = makeEngine();
      harness.addMember('a', { state });
      assert.equal(harness.engine.forget('a'), true);
      assert.equal(harness.engine.table.get('a'), undefined);
      assert.equal(harness.reported('member-reaped').length, 1);
      assert.deepEqual(harness.events, [], 'it was told of already');
    }
  });

  test('does nothing for alive or suspect members, nor for ourselves', () => {
    const harness = makeEngine();
    harness.addMember('a');
    harness.addMember('b', { state: 'suspect' });
    for (const name of ['a', 'b', ME]) assert.equal(harness.engine.forget(name), false);
    assert.equal(harness.engine.table.size, 3);
  });

  test('claims of others bring it back only if it answers a ping', () => {
    const harness = makeEngine();
    harness.addMember('a', { state: 'dead' });
    harness.engine.forget('a');
    harness.forget();
    for (const state of [0, 1, 2, 3]) {
      runToCompletion(harness.engine.merger.merge([record('a', { state, incarnation: 9 })]));
      assert.equal(harness.engine.table.get('a'), undefined);
    }
    assert.equal(harness.messagesTo('a').length, 1, 'one ping, however often it is told');
    harness.run(harness.settings.probeTimeout + 1);
    harness.streamPings[0]?.answer(false);
    assert.deepEqual(harness.events, []);
    harness.receive(alive('a', { incarnation: 9, addr: ip('10.0.0.7') }));
    assert.equal(harness.messagesTo('a').length, 2);
    answer(harness, 'a');
    harness.run(10);
    assert.equal(harness.member('a').state, 'alive');
    assert.equal(harness.member('a').address, '10.0.0.7:7946');
    assert.deepEqual(harness.eventKinds, ['join']);
    runToCompletion(harness.engine.merger.merge([record('a', { incarnation: 10 })]));
    assert.equal(harness.messagesTo('a').length, 2, 'who has answered is doubted no more');
  });

  test('admits a node that answers over a stream but not in a packet', () => {
    const harness = makeEngine();
    harness.engine.forget('a');
    harness.receive(alive('a'));
    assert.equal(harness.streamPings.length, 0);
    harness.run(harness.settings.probeTimeout + 1);
    const [asked] = harness.streamPings;
    assert.equal(asked?.request.node, 'a');
    assert.equal(harness.engine.table.get('a'), undefined);
    asked.answer(true);
    assert.equal(harness.member('a').state, 'alive');
  });

  test('does not admit a node that answers neither way, and pings again when it is claimed again', () => {
    const harness = makeEngine();
    harness.engine.forget('a');
    harness.receive(alive('a'));
    harness.run(harness.settings.probeTimeout + 1);
    harness.streamPings[0]?.answer(false);
    assert.equal(harness.engine.table.get('a'), undefined);
    harness.receive(alive('a'));
    assert.equal(harness.messagesTo('a').length, 2);
  });

  test('pings no node over a stream if stream pings are off', () => {
    for (const settings of [{ disableTcpPings: true }, { disableTcpPingsForNode: () => true }]) {
      const harness = makeEngine({ settings });
      harness.engine.forget('a');
      harness.receive(alive('a'));
      harness.run(harness.settings.probeTimeout + 1);
      assert.deepEqual(harness.streamPings, []);
      harness.receive(alive('a'));
      assert.equal(harness.messagesTo('a').length, 2, 'the question is settled');
    }
  });

  test('ends after its time, and beyond the limit the oldest name is dropped', () => {
    const harness = makeEngine({ settings: { forgetMs: 60_000 } });
    harness.engine.forget('a');
    harness.run(60_000);
    harness.receive(alive('a'));
    assert.equal(harness.member('a').state, 'alive');
    for (let i = 0; i <= limits.forgottenNames; i++) harness.engine.forget(`n${i}`);
    harness.receive(alive('n0', { addr: ip('10.0.1.1') }));
    harness.receive(alive('n1', { addr: ip('10.0.1.2') }));
    assert.equal(harness.engine.table.get('n0')?.state, 'alive');
    assert.equal(harness.engine.table.get('n1'), undefined);
  });

  test('a stopped engine does not admit a node that answers late', () => {
    const harness = makeEngine();
    harness.engine.forget('a');
    harness.receive(alive('a'));
    harness.run(harness.settings.probeTimeout + 1);
    harness.engine.stop();
    harness.streamPings[0]?.answer(true);
    harness.run(10_000);
    assert.deepEqual(harness.events, []);
    assert.equal(harness.clock.pending, 0);
  });
});
