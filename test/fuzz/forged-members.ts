/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Forged members. Unlike all other outsiders, the nodes admit them: the effect of a table of forged members
// on a node that accepts them is part of the test. Their number in the table of a node is bounded
// (`maxMembers`), and so is their heap.
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { encodePushPull } from '../../src/wire/push-pull-codec.js';
import type { Dice } from './dice.js';

/** The prefix of the names of forged members. */
export const FORGED_PREFIX = 'forged-';
/** Maximum number of members that a node under attack admits. */
export const mostMembers = 1_000;

const MiB = 1024 * 1024;
const usual = Buffer.of(1, 5, 2, 0, 0, 0);
/** Versions that are compatible with ours, and incompatible ones. */
const versions = [
  ...[
    [1, 5, 2],
    [1, 5, 5],
    [2, 2, 2],
    [1, 2, 2],
    [3, 5, 3],
    [6, 9, 7],
  ].map((protocol) => Buffer.of(...protocol, 0, 0, 0)),
  Buffer.of(1, 5, 2, 7, 9, 8),
  Buffer.of(1, 5, 2, 9, 7, 8),
  Buffer.of(1, 5),
  Buffer.alloc(0),
];
/** States in a push/pull: alive, suspect, dead, left, and undefined numbers. */
const states = [0, 0, 0, 1, 2, 3, 4, 5, 127, 255, 65_536, 4_294_967_295];
const lengths = [1, 200, 256, 257, 659, 660, 1_300, 4_096, 40_000];
/** Sizes of tables; the largest requires {@link ForgedMembersInit.largest}. */
const sizes = [1, 30, 300, 3_000, 20_000, 200_000];

/** An address as messages contain it. */
export interface Place {
  readonly addr: Buffer;
  readonly port: number;
}

/** The sources of forged members. */
export interface ForgedMembersInit {
  readonly dice: Dice;
  /** The addresses of forged members: those of the two nodes, and one without a node. */
  readonly places: readonly Place[];
  /** Maximum number of records in a table. */
  readonly largest: number;
}

/** Generates claims about forged members. */
export class ForgedMembers {
  readonly #dice: Dice;
  readonly #places: readonly Place[];
  readonly #largest: number;

  constructor({ dice, places, largest }: ForgedMembersInit) {
    this.#dice = dice;
    this.#places = places;
    this.#largest = largest;
  }

  /** A claim about one forged member, as a packet contains it. */
  message(): Buffer {
    const dice = this.#dice;
    const node = this.#name(dice.below(5_000));
    const incarnation = dice.below(4);
    const { alive, suspect, dead } = MessageType;
    const from = dice.oneIn(2) ? node : `${FORGED_PREFIX}0`;
    switch (dice.below(4)) {
      case 0:
        return encodeMessage({ type: suspect, incarnation, node, from });
      case 1:
        return encodeMessage({ type: dead, incarnation, node, from });
      default: {
        const place = dice.pick(this.#places);
        const vsn = this.#versions();
        return encodeMessage({ type: alive, incarnation, node, ...place, meta: null, vsn });
      }
    }
  }

  /** A push/pull with a table of forged members: at one address or at one each, in one state or in all. */
  table(): Buffer {
    const dice = this.#dice;
    const isHuge = dice.oneIn(40);
    const fitting = sizes.filter((size) => size <= (isHuge ? this.#largest : 3_000));
    const size = isHuge ? (fitting.at(-1) ?? 1) : dice.pick(fitting);
    const place = dice.pick(this.#places);
    const isSpread = dice.oneIn(4);
    const state = dice.oneIn(2) ? dice.pick(states) : undefined;
    const from = dice.below(10_000);
    // Long names only in short tables: a stream holds 40 MiB.
    const isLong = size <= 300 && dice.oneIn(3);
    const length = isLong ? (size <= 30 && dice.oneIn(8) ? MiB : dice.pick(lengths)) : 0;
    const hasOddVersions = dice.oneIn(4);
    const records = Array.from({ length: size }, (_, i) => ({
      name: `${FORGED_PREFIX}${from + i}`.padEnd(length, 'n'),
      addr: place.addr,
      port: isSpread ? 1 + ((place.port + i) % 65_535) : place.port,
      meta: null,
      incarnation: 1,
      state: state ?? dice.pick(states),
      vsn: hasOddVersions ? dice.pick(versions) : usual,
    }));
    return encodePushPull({ join: dice.oneIn(2), records, userState: Buffer.alloc(0) });
  }

  #versions(): Buffer {
    return this.#dice.oneIn(4) ? this.#dice.pick(versions) : usual;
  }

  #name(n: number): string {
    const dice = this.#dice;
    return `${FORGED_PREFIX}${n}`.padEnd(dice.oneIn(6) ? dice.pick(lengths) : 0, 'n');
  }
}
