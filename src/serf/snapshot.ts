/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's snapshot: the Lamport clocks and the living members, as lines of text. An agent and this library can read each
// other's files.
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { ConfigError, decodeName, encodeName, type Clock, type Timer } from '../index.js';

/** Agents write at most twice a second; a whole file is more work than a line. */
const WRITE_MS = 2_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** What a snapshot has. */
export interface SnapshotState {
  readonly clock: number;
  readonly eventClock: number;
  readonly queryClock: number;
  /** Addresses by name. */
  readonly alive: ReadonlyMap<string, string>;
}

/** Nothing was saved. */
export const emptySnapshot: SnapshotState = {
  ...{ clock: 0, eventClock: 0, queryClock: 0 },
  alive: new Map(),
};

/** Reads the lines of a snapshot; lines that are no lines of a snapshot are ignored, as in Serf. */
export function parseSnapshot(text: Buffer): SnapshotState {
  let clocks = { clock: 0, 'event-clock': 0, 'query-clock': 0 };
  const alive = new Map<string, string>();
  for (const line of text.toString('latin1').split('\n')) {
    const [, key = '', value = ''] = /^([a-z-]+)(?:: (.*))?$/.exec(line) ?? [];
    if (key === 'leave') {
      clocks = { clock: 0, 'event-clock': 0, 'query-clock': 0 };
      alive.clear();
    } else if (key === 'alive') {
      const at = value.lastIndexOf(' ');
      if (at > 0) alive.set(nameIn(value.slice(0, at)), value.slice(at + 1));
    } else if (key === 'not-alive') alive.delete(nameIn(value));
    else if (Object.hasOwn(clocks, key)) {
      const time = /^\d+$/.test(value) ? Number(value) : NaN;
      if (Number.isSafeInteger(time)) clocks[key as keyof typeof clocks] = time;
    }
  }
  const { clock, 'event-clock': eventClock, 'query-clock': queryClock } = clocks;
  return { clock, eventClock, queryClock, alive };
}

/** The lines of a snapshot. */
export function formatSnapshot({ clock, eventClock, queryClock, alive }: SnapshotState): Buffer {
  const lines: Buffer[] = [];
  for (const [name, addr] of alive) {
    // A peer could write other lines with its name.
    if (name.includes('\n')) continue;
    lines.push(Buffer.from('alive: '), encodeName(name), Buffer.from(` ${addr}\n`));
  }
  const clocks = `clock: ${clock}\nevent-clock: ${eventClock}\nquery-clock: ${queryClock}\n`;
  return Buffer.concat([...lines, Buffer.from(clocks)]);
}

/**
 * Reads a snapshot.
 *
 * @returns an empty one when there is no file
 * @throws ConfigError when it cannot be read
 */
export function readSnapshot(path: string): SnapshotState {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MAX_BYTES) throw new Error('it is no snapshot');
    return parseSnapshot(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return emptySnapshot;
    const rule = `cannot be read: ${(error as Error).message}`;
    throw new ConfigError([{ field: 'snapshot', value: path, rule }], { cause: error });
  }
}

/** What writing a snapshot needs of the node. */
export interface SnapshotComponents {
  readonly clock: Clock;
  readonly state: () => SnapshotState;
  /** It cannot be written. */
  readonly failed: (error: unknown) => void;
}

/** Writes the snapshot of one node. */
export class SnapshotFile {
  readonly #path: string;
  readonly #node: SnapshotComponents;
  #timer: Timer | undefined;
  #hasFailed = false;
  #hasLeft = false;

  constructor(path: string, components: SnapshotComponents) {
    this.#path = path;
    this.#node = components;
  }

  /** Something changed: it is written soon. */
  changed(): void {
    this.#timer ??= this.#node.clock.setTimer(WRITE_MS, () => this.write());
  }

  /** The node leaves, or it joins again after a leave. A restart after a leave begins without members and clocks. */
  setLeft(hasLeft: boolean): void {
    if (hasLeft === this.#hasLeft) return;
    this.#hasLeft = hasLeft;
    this.write();
  }

  /** Writes now. The file is replaced in one step. The first of several failures is reported. */
  write(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const temporary = `${this.#path}.compact`;
    const state = formatSnapshot(this.#node.state());
    try {
      writeFileSync(
        temporary,
        this.#hasLeft ? Buffer.concat([state, Buffer.from('leave\n')]) : state,
      );
      renameSync(temporary, this.#path);
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#node.failed(error);
      this.#hasFailed = true;
    }
  }
}

function nameIn(latin1: string): string {
  return decodeName(Buffer.from(latin1, 'latin1'));
}
