/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One run: attacks every lane in memory and over sockets, one after the other, each with a share of the
// total.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Attack } from './attack.js';
import { Cluster, type Entrance } from './cluster.js';
import { addTo, forgedMemberMarks, unreachedIn, type Reached } from './coverage.js';
import { Found, type Finding } from './finding.js';
import { collectedHeap, FailureWatch, Guard, heapBound } from './guard.js';
import { nameOf, type Lane } from './lane.js';
import { MemoryAttack } from './memory-attack.js';
import { SocketAttack } from './socket-attack.js';
import { Supply } from './supply.js';

const packetsPerRound = 1_000;
const streamsPerRound = 50;
const warmUpRounds = 2;
/** Share of the time; the rest is for the sockets. */
const shareOfMemory = 0.6;
const heapLooks = 10;
const arrivedAtLeast = 0.99;

/** The extent of a run: a total time, or a number of rounds of 1,000 packets and 50 streams each. */
export type Dose = { readonly seconds: number } | { readonly rounds: number };

export interface RunOptions {
  readonly lanes: readonly Lane[];
  readonly entrances: readonly Entrance[];
  readonly seed: string;
  readonly dose: Dose;
  /** Called after every round. */
  readonly progress?: (figures: Figures) => void;
}

/** The state of a run, and its worst values. Times in milliseconds, sizes in bytes. */
export interface Figures {
  /** The lane and the kind of attack. */
  where: string;
  packets: number;
  streams: number;
  slowestPacketMs: number;
  slowestStreamMs: number;
  /** The longest delay of the event loop over sockets, including the fuzzer's own work. */
  eventLoopMs: number;
  /** The largest growth of the heap, in any lane. */
  heapGrown: number;
}

export interface RunResult extends Figures {
  readonly reached: readonly Reached[];
  /** Marks that it should have reached. */
  readonly unreached: readonly string[];
  readonly finding: Finding | undefined;
}

/** Fuzzes. Never throws for a finding. */
export async function run(options: RunOptions): Promise<RunResult> {
  const figures: Figures = {
    ...{ where: '', packets: 0, streams: 0, slowestPacketMs: 0, slowestStreamMs: 0 },
    ...{ eventLoopMs: 0, heapGrown: 0 },
  };
  const reached: Reached[] = [];
  let finding: Finding | undefined;
  using watch = new FailureWatch();
  try {
    const heapBefore = await collectedHeap();
    for (const lane of options.lanes) {
      const marks = new Map<string, number>();
      const packetsBefore = figures.packets;
      for (const entrance of options.entrances) {
        const slice = new Slice({ options, lane, entrance, figures, watch });
        addTo(marks, await slice.attack());
      }
      reached.push({ lane, packets: figures.packets - packetsBefore, marks });
    }
    const grown = (await collectedHeap()) - heapBefore;
    figures.heapGrown = Math.max(figures.heapGrown, grown);
    const [lane] = options.lanes;
    if (grown > heapBound && lane !== undefined) {
      const detail = `by ${grown} bytes, after the shutdown of all nodes`;
      throw new Found({ kind: 'a grown heap', detail, lane, items: [] });
    }
  } catch (error) {
    if (!(error instanceof Found)) throw error;
    ({ finding } = error);
  }
  // Coverage does not matter in a run that a finding ended.
  const unreached =
    finding === undefined ? unreachedIn(reached, options.entrances, forgedMemberMarks) : [];
  return { ...figures, reached, unreached, finding };
}

// One lane and one kind of attack: one cluster for the whole time.
class Slice {
  readonly #options: RunOptions;
  readonly #lane: Lane;
  readonly #entrance: Entrance;
  readonly #figures: Figures;
  readonly #watch: FailureWatch;

  constructor(parts: {
    options: RunOptions;
    lane: Lane;
    entrance: Entrance;
    figures: Figures;
    watch: FailureWatch;
  }) {
    this.#options = parts.options;
    this.#lane = parts.lane;
    this.#entrance = parts.entrance;
    this.#figures = parts.figures;
    this.#watch = parts.watch;
  }

  /** Returns the marks. */
  async attack(): Promise<Map<string, number>> {
    const figures = this.#figures;
    figures.where = `${nameOf(this.#lane)}, ${this.#entrance}`;
    await using cluster = await Cluster.start(this.#lane, this.#entrance);
    const supply = new Supply(cluster, `${this.#options.seed} ${figures.where}`);
    const guard = new Guard(cluster, this.#watch);
    const parts = { cluster, supply, guard };
    const delay = monitorEventLoopDelay({ resolution: 10 });
    await using attack =
      this.#entrance === 'memory' ? new MemoryAttack(parts) : await SocketAttack.open(parts);
    if (this.#entrance === 'sockets') delay.enable();
    const isDone = this.#limit();
    // Memory that receiving requires does not count as growth.
    for (let round = 0; round < warmUpRounds && !isDone(round); round++) {
      await this.#round(attack, guard);
    }
    const heapBefore = await collectedHeap();
    for (let round = warmUpRounds; !isDone(round); round++) await this.#round(attack, guard);
    delay.disable();
    figures.eventLoopMs = Math.max(figures.eventLoopMs, delay.max / 1e6);
    guard.check(supply.recent);
    supply.forget();
    await this.#lookAtHeap(heapBefore, attack, guard);
    guard.check(supply.recent);
    if (attack instanceof SocketAttack && attack.arrived < arrivedAtLeast) {
      const detail = `only ${attack.arrived.toFixed(3)} of the packets arrived`;
      guard.found('an unresponsive node', detail, supply.recent);
    }
    const reached = new Map(supply.marks);
    addTo(reached, cluster.taken);
    addTo(reached, await cluster.counted());
    return reached;
  }

  async #round(attack: Attack, guard: Guard): Promise<void> {
    const figures = this.#figures;
    await attack.packets(packetsPerRound);
    figures.packets += packetsPerRound;
    await attack.streams(streamsPerRound);
    figures.streams += streamsPerRound;
    figures.slowestPacketMs = Math.max(figures.slowestPacketMs, guard.slowestPacketMs);
    figures.slowestStreamMs = Math.max(figures.slowestStreamMs, attack.slowestStreamMs);
    this.#options.progress?.(figures);
  }

  /** Reports after this number of rounds whether the slice has had its share. */
  #limit(): (rounds: number) => boolean {
    const { dose, lanes, entrances } = this.#options;
    if ('rounds' in dose) return (rounds) => rounds >= dose.rounds;
    const isOne = entrances.length === 1;
    const ofEntrance = this.#entrance === 'memory' ? shareOfMemory : 1 - shareOfMemory;
    const seconds = (dose.seconds / lanes.length) * (isOne ? 1 : ofEntrance);
    const until = performance.now() + seconds * 1_000;
    return (rounds) => rounds > 0 && performance.now() >= until;
  }

  // Timers may still hold the last items: repeat the measurement before it becomes a finding.
  async #lookAtHeap(before: number, attack: Attack, guard: Guard): Promise<void> {
    let grown = Infinity;
    for (let looks = 0; looks < heapLooks && grown > heapBound; looks++) {
      if (looks > 0 || this.#entrance === 'memory') await attack.settle();
      grown = (await collectedHeap()) - before;
    }
    this.#figures.heapGrown = Math.max(this.#figures.heapGrown, grown);
    if (grown > heapBound) guard.found('a grown heap', `by ${grown} bytes`, []);
  }
}
