/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How broadcasts are spread over packets and members; what members make of them: memberlist/daily.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Broadcaster, type BroadcastComponents } from '../../../src/node/broadcaster.js';
import type { PingResult } from '../../../src/core/probe/pinger.js';
import type { Report } from '../../../src/core/reports.js';
import { limits } from '../../../src/wire/limits.js';
import { MessageType } from '../../../src/wire/message-type.js';

const BUDGET = 1_000;

interface Sent {
  readonly to: string;
  /** Without the type byte. */
  readonly texts: readonly string[];
  readonly answer: (result: PingResult) => void;
}

const answered: PingResult = { roundTripMs: 1 };
const silent = { failure: undefined } as unknown as PingResult;

/** A broadcaster between members that answer when the test says so. */
class Stage {
  readonly sent: Sent[] = [];
  readonly reports: Report[] = [];
  readonly gone = new Set<string>();
  readonly broadcaster: Broadcaster;
  readonly #turns: (() => void)[] = [];

  constructor(...names: string[]) {
    const members = new Map(
      ['self', ...names].map((name) => {
        const isGone = (): boolean => this.gone.has(name);
        const member = {
          name,
          address: `${name}:7946`,
          get isGone() {
            return isGone();
          },
        };
        return [name, member];
      }),
    );
    const engine = {
      table: {
        get: (name: string) => members.get(name),
        [Symbol.iterator]: () => members.values(),
      },
      self: {
        name: 'self',
        ping: () => ({
          ...{ type: MessageType.ping, seqNo: 1, node: '' },
          ...{ sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' },
        }),
      },
      broadcastBudget: BUDGET,
      ping: (
        { node }: { node: string },
        answer: (result: PingResult) => void,
        messages: readonly Buffer[],
      ) => {
        for (const message of messages) assert.equal(message[0], MessageType.user);
        const texts = messages.map((message) => message.subarray(1).toString());
        this.sent.push({ to: node, texts, answer });
      },
    };
    this.broadcaster = new Broadcaster({
      engine: engine as unknown as BroadcastComponents['engine'],
      clock: {
        afterTurn: (turn) => {
          this.#turns.push(turn);
          return { cancel: () => undefined };
        },
      },
      report: (report) => this.reports.push(report),
    });
  }

  add(text: string, name?: string): void {
    this.broadcaster.add(Buffer.from(text), name);
  }

  /** Ends this turn of the event loop. */
  turn(): void {
    for (const turn of this.#turns.splice(0)) turn();
  }

  /** Takes what was sent since the last call, as `to: texts`. */
  taken(): { readonly sent: readonly Sent[]; readonly words: readonly string[] } {
    const sent = this.sent.splice(0);
    return { sent, words: sent.map(({ to, texts }) => `${to}: ${texts.join(' ')}`) };
  }
}

test('a turn’s messages go to each member in one packet', () => {
  const stage = new Stage('a', 'b');
  stage.add('1');
  stage.add('2');
  assert.deepEqual(stage.taken().words, []);
  stage.turn();
  assert.deepEqual(stage.taken().words, ['a: 1 2', 'b: 1 2']);
});

test('what is added while members have not answered goes in the next wave, and a name replaces at once', () => {
  const names = Array.from({ length: limits.userBroadcastsUnanswered + 1 }, (_, i) => `m${i}`);
  const stage = new Stage(...names);
  stage.add('old', 'x');
  stage.add('kept');
  stage.turn();
  const { sent } = stage.taken();
  assert.equal(sent.length, limits.userBroadcastsUnanswered, 'so many at a time');
  stage.add('new', 'x');
  stage.turn();
  sent[0]?.answer(answered);
  const last = stage.taken();
  assert.deepEqual(last.words, [`${names.at(-1)}: new kept`]);
  for (const { answer } of [...sent.slice(1), ...last.sent]) answer(answered);
  stage.turn();
  assert.equal(stage.taken().words[0], 'm0: new');
});

test('a member that does not answer is sent the packet again, so many times, and the wave goes on', () => {
  const stage = new Stage('a');
  stage.add('1');
  stage.turn();
  for (let attempt = 0; attempt < limits.userBroadcastAttempts; attempt++) {
    const { sent, words } = stage.taken();
    assert.deepEqual(words, ['a: 1']);
    sent[0]?.answer(silent);
  }
  assert.deepEqual(stage.taken().words, []);
  stage.add('2');
  stage.turn();
  assert.deepEqual(stage.taken().words, ['a: 2']);
});

test('a member that is found dead meanwhile is sent nothing more', () => {
  const stage = new Stage('a');
  stage.add('1');
  stage.turn();
  const { sent } = stage.taken();
  stage.gone.add('a');
  sent[0]?.answer(silent);
  assert.deepEqual(stage.taken().words, []);
});

test('messages that do not fit beside each other go in packets one after the other, in order', () => {
  const stage = new Stage('a');
  const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(400));
  for (const text of texts) stage.add(text);
  stage.turn();
  const first = stage.taken();
  assert.deepEqual(first.words, [`a: ${texts[0]} ${texts[1]}`]);
  first.sent[0]?.answer(answered);
  assert.deepEqual(stage.taken().words, [`a: ${texts[2]}`]);
});

test('past the bounds the oldest are dropped, which is reported', () => {
  const stage = new Stage('a');
  for (let i = 0; i <= limits.userBroadcasts; i++) stage.add(String(i));
  assert.deepEqual(stage.reports, [{ code: 'user-broadcasts-evicted', count: 1 }]);
  const bytes = new Stage('a');
  const half = 'x'.repeat(limits.userBroadcastBytes / 2);
  bytes.add(half);
  bytes.add(half);
  assert.deepEqual(bytes.reports, [{ code: 'user-broadcasts-evicted', count: 1 }]);
});

test('after a stop nothing is sent, neither what waits nor another attempt', () => {
  const stage = new Stage('a', 'b');
  stage.add('1');
  stage.turn();
  const { sent } = stage.taken();
  stage.add('2');
  stage.broadcaster.stop();
  for (const { answer } of sent) answer(silent);
  stage.turn();
  assert.deepEqual(stage.taken().words, []);
});
