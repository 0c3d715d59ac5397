/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Mutants of messages of the shared state, against its decoders and its store.
import assert from 'node:assert/strict';
import { MalformedState } from '../../src/state/malformed.js';
import {
  decodeMessage,
  encodeDigests,
  encodeHash,
  type ReceivedMap,
  type SentEntry,
} from '../../src/state/messages.js';
import { Gaps } from '../../src/state/gaps.js';
import { Packing } from '../../src/state/packing.js';
import { Replica } from '../../src/state/replica.js';
import { Store } from '../../src/state/store.js';
import { invalid, msgpack, Values } from '../../src/state/values.js';
import { VirtualClock } from '../../src/testing/index.js';
import { boot, entry, message } from '../unit/state/maps.js';
import type { Dice } from './dice.js';
import { mutateBytes } from './mutate-bytes.js';

const limits = { bytesPerNode: 1_200, keysPerNode: 6, bytes: 5_000 };
const names = ['a', 'b', 'c', 'd'];

/** How often something happened: `malformed`, the outcomes of the store, valid and invalid values … */
export type StateMarks = Map<string, number>;

/** What every run must reach. */
export const stateMarks = [
  ...['malformed', 'hash', 'digest', 'behind', 'value', 'invalid value'],
  ...['applied', 'old', 'gap', 'limit', 'refused', 'ahead'],
];

/** Mutants for one store, which is replaced now and then. */
export class StateFuzz {
  readonly marks: StateMarks = new Map();
  readonly #dice: Dice;
  readonly #values = new Values(msgpack, {});
  #clock = new VirtualClock();
  #store = this.#newStore();
  #gaps = new Gaps({ clock: this.#clock, ask: () => undefined });

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** Sends some mutants. @throws what the code must not throw; AssertionError when an invariant is violated */
  run(rounds: number): void {
    const dice = this.#dice;
    for (let i = 0; i < rounds; i++) {
      if (dice.oneIn(1_000)) {
        this.#clock = new VirtualClock();
        this.#store = this.#newStore();
        this.#gaps = new Gaps({ clock: this.#clock, ask: () => undefined });
      }
      this.#clock.advance(dice.below(dice.oneIn(50) ? 70_000 : 50));
      let bytes = this.#message();
      for (let more = dice.below(3); more > 0; more--) {
        bytes = mutateBytes(bytes, this.#message(), dice);
      }
      this.#receive(bytes);
      if (dice.oneIn(20)) this.#check();
    }
    this.#check();
  }

  #receive(bytes: Buffer): void {
    try {
      const decoded = decodeMessage(bytes);
      if (decoded.kind === 'hash') this.#mark('hash');
      else if (decoded.kind === 'digest') {
        this.#mark('digest');
        for (const { name, boot: id, version } of decoded.versions) {
          if (this.#store.isBehind(name, id, version, this.#moment)) this.#mark('behind');
        }
      } else for (const map of decoded.maps) this.#apply(map);
    } catch (error) {
      if (!(error instanceof MalformedState)) throw error;
      this.#mark('malformed');
    }
  }

  #apply(map: ReceivedMap): void {
    if (!this.#store.present.has(map.name) || map.name === 'me') return;
    const before = this.#store.get(map.name);
    const version = before?.version ?? 0;
    const id = before?.boot ?? '';
    const outcome = this.#store.apply(map, this.#moment, []);
    this.#mark(outcome);
    const after = this.#store.get(map.name);
    if (after === undefined) return;
    assert.ok(after.boot >= id, 'a boot id went back');
    if (after.boot === id && outcome !== 'limit') assert.ok(after.version >= version);
    if (outcome === 'gap') this.#gaps.hold(map, 'a');
    const next = outcome === 'applied' ? this.#gaps.next(after) : undefined;
    if (next !== undefined) this.#apply(next);
  }

  #check(): void {
    const store = this.#store;
    let sum = 0;
    const moment = this.#moment;
    const options = { budget: 1_400, most: 100, mayForward: false, now: moment.now };
    for (const replica of store.all()) {
      sum += replica.bytes;
      assert.ok(replica.liveBytes <= 2 * limits.bytesPerNode);
      assert.ok(replica.size - replica.deleted <= 2 * limits.keysPerNode);
      for (const [key, { value }] of replica.entries()) {
        if (value === undefined) continue;
        this.#mark(this.#values.decode(key, value) === invalid ? 'invalid value' : 'value');
      }
      // What this node has, it can send, and another one can read.
      const packing = new Packing(options);
      packing.addAfter(replica, 0);
      for (const bytes of packing.finish()) {
        const sent = decodeMessage(bytes);
        if (sent.kind === 'changes') {
          for (const map of sent.maps) this.#newStore().apply(map, moment, []);
        }
      }
    }
    assert.equal(store.bytes, sum);
    assert.ok(sum <= limits.bytes + 2 * limits.bytesPerNode);
  }

  get #moment(): { now: number; wallNow: number } {
    const now = this.#clock.now();
    return { now, wallNow: now };
  }

  #newStore(): Store {
    const own = new Replica('me');
    own.boot = boot(1);
    const store = new Store(own, limits);
    for (const name of names) store.appear(name);
    return store;
  }

  #message(): Buffer {
    const dice = this.#dice;
    if (dice.oneIn(10)) return encodeHash(dice.bytes(8));
    const name = dice.pick(names);
    const id = boot(dice.oneIn(50) ? 1e9 : 1 + dice.below(3));
    const have = this.#store.get(name)?.version ?? 0;
    const from = dice.pick([0, have, Math.max(0, have - 2), have + 1]);
    if (dice.oneIn(6)) {
      const versions = [{ name, boot: id, version: from }];
      return encodeDigests(versions, { wantsAnswer: true, budget: 200, most: 1 })[0]!;
    }
    const entries: SentEntry[] = [];
    for (let i = dice.below(6), version = from; i > 0; i--) {
      version += 1 + dice.below(2);
      const value = dice.pick(['\x01', '\xa1x', '\x91\xc0', '\xc1', 'v'.repeat(dice.below(900))]);
      const ttl = dice.oneIn(4) ? dice.below(5_000) : undefined;
      const isDeleted = dice.oneIn(4);
      entries.push(
        entry(
          version,
          `k${dice.below(60)}`,
          isDeleted ? undefined : value,
          isDeleted ? undefined : ttl,
        ),
      );
    }
    const isWhole = from === 0 && dice.oneIn(3);
    return message({ name, boot: id, from, isWhole, entries });
  }

  #mark(mark: string): void {
    this.marks.set(mark, (this.marks.get(mark) ?? 0) + 1);
  }
}
