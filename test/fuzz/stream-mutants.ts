/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Mutants of streams, with their mode of delivery: in pieces, complete, broken, or stalled.
import { MessageType } from '../../src/wire/message-type.js';
import type { ForgedMembers } from './forged-members.js';
import type { Dice } from './dice.js';
import type { Lane } from './lane.js';
import { mutateBytes, noise } from './mutate-bytes.js';
import { mutateMsgpack } from './mutate-msgpack.js';
import { golden } from './seeds.js';
import { lzwBombForStreams, Wrapping } from './wrapping.js';

/** How a stream ends: by its sender, by a broken connection, or not at all. */
export type StreamEnd = 'ends' | 'breaks' | 'stalls';

/** The data of one connection. */
export interface StreamMutant {
  readonly pieces: readonly Buffer[];
  readonly end: StreamEnd;
}

/** The sources of streams. */
export interface StreamSeeds {
  /** Requests with their type byte, without layers. */
  readonly requests: readonly Buffer[];
  /** Captured streams. */
  readonly streams: readonly Buffer[];
}

/** Draws streams. */
export class StreamMutants {
  readonly #dice: Dice;
  readonly #seeds: StreamSeeds;
  readonly #forgedMembers: ForgedMembers;
  readonly #wholes: readonly Buffer[];
  readonly #wrapping: Wrapping;

  constructor({
    dice,
    seeds,
    lane,
    forgedMembers,
  }: {
    dice: Dice;
    seeds: StreamSeeds;
    lane: Lane;
    forgedMembers: ForgedMembers;
  }) {
    this.#dice = dice;
    this.#forgedMembers = forgedMembers;
    this.#seeds = seeds;
    this.#wholes = [...seeds.streams, ...golden('stream', 'compress', 'encrypt', 'label')];
    this.#wrapping = new Wrapping(lane, dice);
  }

  next(): StreamMutant {
    const bytes = this.#draw();
    const dice = this.#dice;
    const end = dice.oneIn(16) ? 'stalls' : dice.oneIn(6) ? 'breaks' : 'ends';
    // A stream that stalls or breaks has often sent nearly everything.
    const isUnsaid = end === 'ends' ? dice.oneIn(12) : dice.below(4) > 0;
    return { pieces: this.#cut(isUnsaid ? bytes.subarray(0, -1 - dice.below(9)) : bytes), end };
  }

  #draw(): Buffer {
    const dice = this.#dice;
    if (dice.oneIn(8)) return this.#whole();
    if (dice.oneIn(400)) return this.#wrapping.stream(lzwBombForStreams());
    let content = dice.oneIn(20) ? this.#forgedMembers.table() : this.#request();
    if (dice.oneIn(4)) content = this.#wrapping.compressed(content);
    if (dice.oneIn(60)) content = this.#wrapping.compressed(content);
    return this.#wrapping.stream(content);
  }

  #whole(): Buffer {
    let bytes = this.#dice.oneIn(4) ? noise(this.#dice) : this.#dice.pick(this.#wholes);
    for (let left = this.#dice.below(4); left > 0; left--) {
      bytes = mutateBytes(bytes, this.#dice.pick(this.#wholes), this.#dice);
    }
    return bytes;
  }

  #request(): Buffer {
    const dice = this.#dice;
    if (dice.oneIn(20)) return noise(dice);
    const { requests } = this.#seeds;
    const seed = dice.pick(requests);
    if (dice.oneIn(5)) return seed;
    if (dice.oneIn(10)) return seed.subarray(0, dice.below(seed.length));
    if (dice.below(3) > 0) return mutateMsgpack(seed, 1, dice);
    let bytes = seed;
    for (let left = 1 + dice.below(3); left > 0; left--) {
      bytes = mutateBytes(bytes, dice.pick(requests), dice);
    }
    if (dice.oneIn(10) && bytes.length > 0) bytes[0] = dice.pick([0, 2, 6, 8, 13, 10, 9, 244]);
    return bytes;
  }

  #cut(bytes: Buffer): Buffer[] {
    const dice = this.#dice;
    if (dice.oneIn(3)) return [bytes];
    if (bytes.length < 400 && dice.oneIn(8)) return Array.from(bytes, (byte) => Buffer.of(byte));
    const pieces: Buffer[] = [];
    let rest = bytes;
    for (let left = 1 + dice.below(4); left > 0 && rest.length > 0; left--) {
      const at = dice.below(rest.length + 1);
      pieces.push(rest.subarray(0, at));
      rest = rest.subarray(at);
    }
    return [...pieces, rest].filter(({ length }) => length > 0);
  }
}

/** Whether bytes are a request in the format of `requests`, for captured ones. */
export function isRequest(bytes: Buffer): boolean {
  const { ping, pushPull, user } = MessageType;
  return ([ping, pushPull, user] as number[]).includes(bytes[0] ?? -1);
}
