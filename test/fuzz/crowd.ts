/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Made-up members. Unlike all other strangers the nodes admit them: what a table of them does to a node that
// takes them for real is part of what is looked for. Their number in a table of the nodes is bounded
// (`maxMembers`), so that the heap that they take is.
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { encodePushPull } from '../../src/wire/push-pull-codec.js';
import type { Dice } from './dice.js';

/** Names of made-up members begin with this. */
export const CROWD = 'crowd-';
/** Members that a node under attack lets in. */
export const mostMembers = 1_000;

const MiB = 1024 * 1024;
const usual = Buffer.of(1, 5, 2, 0, 0, 0);
/** Versions that fit ours, and those that do not. */
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
/** As a push/pull may say them: alive, suspect, dead, left, and numbers that mean nothing. */
const states = [0, 0, 0, 1, 2, 3, 4, 5, 127, 255, 65_536, 4_294_967_295];
const lengths = [1, 200, 256, 257, 659, 660, 1_300, 4_096, 40_000];
/** Sizes of tables, the largest one for {@link CrowdInit.largest} at least. */
const sizes = [1, 30, 300, 3_000, 20_000, 200_000];

/** An address as messages have it. */
export interface Place {
  readonly addr: Buffer;
  readonly port: number;
}

/** What a crowd is drawn from. */
export interface CrowdInit {
  readonly dice: Dice;
  /** Where the made-up members are said to be: addresses of the two nodes, and one where nobody is. */
  readonly places: readonly Place[];
  /** Records in the largest table. */
  readonly largest: number;
}

/** Draws claims about made-up members. */
export class Crowd {
  readonly #dice: Dice;
  readonly #places: readonly Place[];
  readonly #largest: number;

  constructor({ dice, places, largest }: CrowdInit) {
    this.#dice = dice;
    this.#places = places;
    this.#largest = largest;
  }

  /** One claim about one made-up member, as a packet carries it. */
  message(): Buffer {
    const dice = this.#dice;
    const node = this.#name(dice.below(5_000));
    const incarnation = dice.below(4);
    const { alive, suspect, dead } = MessageType;
    const from = dice.oneIn(2) ? node : `${CROWD}0`;
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

  /** A push/pull with a table of them: at one address or at one each, in one state or in all. */
  table(): Buffer {
    const dice = this.#dice;
    const isHuge = dice.oneIn(40);
    const fitting = sizes.filter((size) => size <= (isHuge ? this.#largest : 3_000));
    const size = isHuge ? (fitting.at(-1) ?? 1) : dice.pick(fitting);
    const place = dice.pick(this.#places);
    const isSpread = dice.oneIn(4);
    const state = dice.oneIn(2) ? dice.pick(states) : undefined;
    const from = dice.below(10_000);
    // Long names in short tables only: a stream carries 40 MiB.
    const isLong = size <= 300 && dice.oneIn(3);
    const length = isLong ? (size <= 30 && dice.oneIn(8) ? MiB : dice.pick(lengths)) : 0;
    const hasOddVersions = dice.oneIn(4);
    const records = Array.from({ length: size }, (_, i) => ({
      name: `${CROWD}${from + i}`.padEnd(length, 'n'),
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
    return `${CROWD}${n}`.padEnd(dice.oneIn(6) ? dice.pick(lengths) : 0, 'n');
  }
}
