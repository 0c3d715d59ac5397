/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The transmit-limited queue against a model that is too simple to be wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TransmitLimitedQueue } from '../../src/core/gossip/broadcast-queue.js';

const names = ['a', 'b', 'c'];

type Command =
  | { kind: 'queue'; name: string | undefined; length: number; invalidates: number | undefined }
  | { kind: 'take'; overhead: number; limit: number }
  | { kind: 'prune'; keep: number }
  | { kind: 'resize'; members: number }
  | { kind: 'reset' };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('queue' as const),
      name: fc.option(fc.constantFrom(...names), { nil: undefined, freq: 1 }),
      length: fc.nat(12),
      invalidates: fc.option(fc.nat(12), { nil: undefined, freq: 1 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      overhead: fc.nat(3),
      limit: fc.nat(60),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('prune' as const), keep: fc.nat(8) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('resize' as const), members: fc.nat(150) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const) }) },
);

interface Entry {
  readonly id: number;
  readonly name: string | undefined;
  readonly length: number;
  transmits: number;
}

/** A plain list, searched from one end to the other for everything. */
class Model {
  entries: Entry[] = [];
  members = 10;
  finished: number[] = [];

  constructor(readonly retransmitMult: number) {}

  queue(entry: Entry, invalidates: number | undefined): void {
    this.#finish(({ name, length }) => {
      if (entry.name !== undefined) return name === entry.name;
      return name === undefined && length === invalidates;
    });
    this.entries.push(entry);
  }

  take(overhead: number, limit: number): number[] {
    const taken: Entry[] = [];
    let left = limit;
    for (;;) {
      const [best] = this.entries
        .filter((entry) => !taken.includes(entry) && overhead + entry.length <= left)
        .sort((x, y) => x.transmits - y.transmits || y.length - x.length || y.id - x.id);
      if (best === undefined) break;
      taken.push(best);
      left -= overhead + best.length;
    }
    for (const entry of taken) entry.transmits++;
    // Digits, so that no logarithm is rounded: ⌈log10(n + 1)⌉ is how many digits n has.
    const digits = this.members === 0 ? 0 : String(this.members).length;
    const limitOfTransmits = this.retransmitMult * digits;
    this.#finish((entry) => taken.includes(entry) && entry.transmits >= limitOfTransmits);
    return taken.map(({ id }) => id);
  }

  prune(keep: number): void {
    const kept = [...this.entries]
      .sort((x, y) => x.transmits - y.transmits || y.length - x.length || y.id - x.id)
      .slice(0, keep);
    this.#finish((entry) => !kept.includes(entry));
  }

  #finish(isOver: (entry: Entry) => boolean): void {
    this.finished.push(...this.entries.filter(isOver).map(({ id }) => id));
    this.entries = this.entries.filter((entry) => !isOver(entry));
  }
}

test('the queue behaves like the model: order, limit, replacement, and finished once each', () => {
  const scripts = fc.array(command, { minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(scripts, fc.integer({ min: 1, max: 3 }), (commands, retransmitMult) => {
      const model = new Model(retransmitMult);
      const queue = new TransmitLimitedQueue({ numNodes: () => model.members, retransmitMult });
      const finished: number[] = [];
      const ids = new WeakMap<Uint8Array, number>();
      const byTurn = (numbers: number[]): number[] => numbers.sort((x, y) => x - y);
      for (const [id, each] of commands.entries()) {
        switch (each.kind) {
          case 'queue': {
            const { name, length, invalidates } = each;
            const message = new Uint8Array(length);
            ids.set(message, id);
            queue.queueBroadcast({
              message,
              ...(name !== undefined && { name }),
              ...(invalidates !== undefined && {
                invalidates: (other) => other.message.length === invalidates,
              }),
              finished: () => finished.push(id),
            });
            model.queue({ id, name, length, transmits: 0 }, invalidates);
            break;
          }
          case 'take': {
            const taken = queue.getBroadcasts(each.overhead, each.limit);
            const expected = model.take(each.overhead, each.limit);
            assert.deepEqual(
              taken.map((message) => ids.get(message)),
              expected,
            );
            break;
          }
          case 'prune':
            queue.prune(each.keep);
            model.prune(each.keep);
            break;
          case 'resize':
            model.members = each.members;
            break;
          case 'reset':
            queue.reset();
            model.prune(0);
            break;
        }
        assert.equal(queue.numQueued, model.entries.length);
        // Within one call the order of the callbacks is unspecified.
        assert.deepEqual(byTurn(finished.splice(0)), byTurn(model.finished.splice(0)));
      }
    }),
    { numRuns: 2000 },
  );
});

test('every broadcast is sent as often as the limit says, whatever the size of the packets', () => {
  const messages = fc.array(fc.nat(50), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      messages,
      fc.nat(60),
      fc.integer({ min: 1, max: 200 }),
      (lengths, more, members) => {
        const queue = new TransmitLimitedQueue({ numNodes: () => members, retransmitMult: 2 });
        let finished = 0;
        for (const length of lengths) {
          queue.queueBroadcast({ message: new Uint8Array(length), finished: () => finished++ });
        }
        let sent = 0;
        const limit = 52 + more;
        for (;;) {
          const taken = queue.getBroadcasts(2, limit);
          if (taken.length === 0) break;
          sent += taken.length;
          assert.ok(taken.reduce((sum, { length }) => sum + 2 + length, 0) <= limit);
        }
        assert.equal(sent, lengths.length * 2 * String(members).length);
        assert.deepEqual([finished, queue.numQueued], [lengths.length, 0]);
      },
    ),
  );
});
