/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One run: every lane by every entrance, one after the other, each with its own share of the dose.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Attack } from './attack.js';
import { Cluster, type Entrance } from './cluster.js';
import { addTo, crowdMarks, unreachedIn, type Reached } from './coverage.js';
import { Found, type Finding } from './finding.js';
import { collectedHeap, FailureWatch, Guard, heapBound } from './guard.js';
import { nameOf, type Lane } from './lane.js';
import { MemoryAttack } from './memory-attack.js';
import { SocketAttack } from './socket-attack.js';
import { Supply } from './supply.js';

const packetsPerRound = 1_000;
const streamsPerRound = 50;
const warmUpRounds = 2;
/** Of the time; the rest is for the sockets. */
const shareOfMemory = 0.6;
const heapLooks = 10;
const arrivedAtLeast = 0.99;

/** How much is done: for so long in all, or so many rounds of 1,000 packets and 50 streams each. */
export type Dose = { readonly seconds: number } | { readonly rounds: number };

export interface RunOptions {
  readonly lanes: readonly Lane[];
  readonly entrances: readonly Entrance[];
  readonly seed: string;
  readonly dose: Dose;
  /** Called after every round. */
  readonly progress?: (figures: Figures) => void;
}

/** What was done so far, and the worst that was seen. Times in milliseconds, sizes in bytes. */
export interface Figures {
  /** The lane and the entrance that are being attacked. */
  where: string;
  packets: number;
  streams: number;
  slowestPacketMs: number;
  slowestStreamMs: number;
  /** The longest delay of the event loop over sockets; the fuzzer's own work is in it. */
  eventLoopMs: number;
  /** The most that the heap grew by, in any lane. */
  heapGrown: number;
}

export interface RunResult extends Figures {
  readonly reached: readonly Reached[];
  /** What it should have reached and did not. */
  readonly unreached: readonly string[];
  readonly finding: Finding | undefined;
}

/** Fuzzes; never throws for what it finds. */
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
      const detail = `by ${grown} bytes, with all nodes gone`;
      throw new Found({ kind: 'a grown heap', detail, lane, items: [] });
    }
  } catch (error) {
    if (!(error instanceof Found)) throw error;
    ({ finding } = error);
  }
  // A run that was cut short by a finding has reached what it has reached.
  const unreached =
    finding === undefined ? unreachedIn(reached, options.entrances, crowdMarks) : [];
  return { ...figures, reached, unreached, finding };
}

// One lane by one entrance: one cluster that lives all the time.
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

  /** Gives what was reached. */
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
    // What is needed to receive at all is not counted as grown.
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
      guard.found('a deaf node', detail, supply.recent);
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

  /** Says after so many rounds whether this slice has had its share. */
  #limit(): (rounds: number) => boolean {
    const { dose, lanes, entrances } = this.#options;
    if ('rounds' in dose) return (rounds) => rounds >= dose.rounds;
    const isOne = entrances.length === 1;
    const ofEntrance = this.#entrance === 'memory' ? shareOfMemory : 1 - shareOfMemory;
    const seconds = (dose.seconds / lanes.length) * (isOne ? 1 : ofEntrance);
    const until = performance.now() + seconds * 1_000;
    return (rounds) => rounds > 0 && performance.now() >= until;
  }

  // Timers may still hold what came last: looked at again and again before it is a finding.
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
