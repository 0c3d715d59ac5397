/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Changes that arrive before those that they follow, as packets overtake each other or are lost. They are held for a moment;
// what is still missing then is asked for.
import type { Clock, Timer } from '../index.js';
import { stateLimits } from './limits.js';
import type { ReceivedMap } from './messages.js';
import type { Replica } from './replica.js';

/** Milliseconds after the first of them until what is missing is asked for, until it is asked for again, and until the end. */
const stepsMs = [30, 100, 300] as const;

/** What holds changes. */
export interface GapsParts {
  readonly clock: Clock;
  /** Asks a peer for the changes of a map that are missing. */
  readonly ask: (name: string, from: string) => void;
}

interface Gap {
  readonly held: ReceivedMap[];
  sender: string;
  step: number;
  timer: Timer | undefined;
}

/** Changes of all maps that do not follow what this node has. */
export class Gaps {
  readonly #parts: GapsParts;
  readonly #gaps = new Map<string, Gap>();
  #bytes = 0;

  constructor(parts: GapsParts) {
    this.#parts = parts;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Holds changes. Returns whether they are new. */
  hold(map: ReceivedMap, sender: string): boolean {
    let gap = this.#gaps.get(map.name);
    if (gap === undefined) {
      gap = { held: [], sender, step: 0, timer: undefined };
      this.#gaps.set(map.name, gap);
      this.#wait(map.name, gap);
    }
    gap.sender = sender;
    if (gap.held.some(({ boot, to }) => boot === map.boot && to >= map.to)) return false;
    const bytes = bytesOf(map);
    const hasRoom = this.#bytes + bytes <= stateLimits.heldBytes;
    if (!hasRoom || gap.held.length >= stateLimits.heldPerMap) return false;
    // A copy: the message may be much longer.
    gap.held.push({ ...map, body: Buffer.from(map.body) });
    this.#bytes += bytes;
    return true;
  }

  /** Held changes that follow what this node has by now: they are no longer held. */
  next(replica: Replica): ReceivedMap | undefined {
    const gap = this.#gaps.get(replica.name);
    if (gap === undefined) return undefined;
    const { boot, version } = replica;
    for (const map of gap.held.splice(0)) {
      if (map.boot > boot || (map.boot === boot && map.to > version)) gap.held.push(map);
      else this.#bytes -= bytesOf(map);
    }
    const place = gap.held.findIndex((map) => map.boot === boot && map.from <= version);
    const [next] = place < 0 ? [] : gap.held.splice(place, 1);
    if (next !== undefined) this.#bytes -= bytesOf(next);
    if (gap.held.length === 0) this.#end(replica.name, gap);
    return next;
  }

  #wait(name: string, gap: Gap): void {
    gap.timer = this.#parts.clock.setTimer(stepsMs[gap.step] ?? 0, () => {
      gap.step++;
      if (gap.step >= stepsMs.length) return this.#end(name, gap);
      this.#wait(name, gap);
      this.#parts.ask(name, gap.sender);
    });
  }

  #end(name: string, gap: Gap): void {
    gap.timer?.cancel();
    for (const map of gap.held.splice(0)) this.#bytes -= bytesOf(map);
    this.#gaps.delete(name);
  }
}

function bytesOf({ body }: ReceivedMap): number {
  return stateLimits.entryBytes + body.length;
}
