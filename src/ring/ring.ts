/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A hash ring over the members: which member owns a key, computed by each node alone.
import type { Memberlist, ServiceContext } from '../index.js';
import { Candidates, type CandidateOptions } from './candidates.js';
import { check, checkKey, checkList, checkOptions, rules } from './check.js';
import type { Hash64, RingKey } from './hash.js';
import { Listeners } from './listeners.js';
import { RingMeters } from './meters.js';
import { RendezvousTable, type RingMember } from './table.js';
import { viewHash } from './view-hash.js';

/** Options of {@link createRing}. Give all nodes the same. */
export interface RingOptions extends CandidateOptions {
  /** How many members hold each key: 1 or more. Default: 1. */
  readonly replicas?: number | undefined;
}

/** The event `moved` of a {@link Ring}. */
export interface RingMoved {
  /** Watched keys that this node holds now and did not hold before. */
  readonly gained: readonly RingKey[];
  /** Watched keys that this node held before and does not hold now. */
  readonly lost: readonly RingKey[];
  /** The view in which it does. */
  readonly view: string;
}

/** The event `view` of a {@link Ring}. */
export interface RingChanged {
  readonly view: string;
  readonly members: readonly RingMember[];
}

/** The events of a {@link Ring}. */
export interface RingEvents {
  /** The view changed. After it come the keys that moved. */
  view: RingChanged;
  /** Watched keys moved to or from this node. */
  moved: RingMoved;
}

/** Keys that are watched. */
export interface RingWatch {
  /** Those of them that this node holds in the current view. */
  readonly held: readonly RingKey[];
  /** Stops watching them. */
  close(): void;
}

/** The owners of keys, as one node sees them. */
export interface Ring {
  /** A hash of the members, their weights and `replicas`: two nodes with equal hashes give the same answers. */
  readonly view: string;
  /** The members of the view with their weights, by name. */
  readonly members: readonly RingMember[];
  /** Whether the view is up to date: no change of the members is waited for. False at first, for `settle`. */
  readonly isSettled: boolean;
  /**
   * The member that owns a key; undefined if no member passes the filter.
   *
   * @param key - text, which counts as its UTF-8 bytes, or bytes
   * @throws ConfigError for anything else
   */
  owner(key: RingKey): string | undefined;
  /**
   * The members that hold a key: the owner first, then those that take over if it fails.
   *
   * @param count - how many: 1 or more. Default: `replicas`
   * @returns fewer if the view has fewer members
   * @throws ConfigError
   */
  owners(key: RingKey, count?: number): string[];
  /** Whether this node holds a key: whether it is among its `owners`. @throws ConfigError */
  isMine(key: RingKey): boolean;
  /**
   * Watches keys: when the view changes, `moved` has those that this node gained and lost. Every change of the view
   * computes the owners of all watched keys.
   *
   * @throws ConfigError
   */
  watch(keys: Iterable<RingKey>): RingWatch;
  /** Adds a listener. What it throws is caught, counted and logged (`callback-threw`). */
  on<Name extends keyof RingEvents>(
    event: Name,
    listener: (event: RingEvents[Name]) => unknown,
  ): this;
  /** Removes a listener. */
  off<Name extends keyof RingEvents>(
    event: Name,
    listener: (event: RingEvents[Name]) => unknown,
  ): this;
  /** Ends it: the view does not change any more, and no event follows. The shutdown of the node does the same. */
  close(): void;
}

/** The rules of {@link CandidateOptions}. */
export const candidateRules = {
  filter: rules.callback,
  weight: rules.callback,
  settle: rules.duration,
} as const;

/**
 * A hash ring over the members of the cluster that are alive or suspect. Each node computes it alone, and all nodes get
 * the same answers once they see the same members: compare `view`. The view follows a change of the members when they
 * have not changed for `settle`, so a member that fails and returns within that time moves nothing. At first the view has
 * the members that the node sees then: a node that has not joined yet owns every key.
 *
 * Weighted rendezvous hashing: a member that joins or leaves moves only its own keys, its share of all.
 *
 * ```ts
 * const ring = createRing(list, { filter: ({ meta }) => decodeMeta(meta)?.role === 'cache' });
 * if (ring.isMine(`user:${id}`)) …
 * ```
 *
 * @throws ConfigError for wrong arguments; ShutdownError
 */
export function createRing(list: Memberlist, options: RingOptions = {}): Ring {
  checkList(list, 'createRing');
  checkOptions(options, { ...candidateRules, replicas: rules.count });
  return new HashRing(list, options);
}

interface Watched {
  readonly keys: readonly RingKey[];
  readonly held: boolean[];
}

class HashRing implements Ring {
  readonly #name: string;
  readonly #replicas: number;
  readonly #candidates: Candidates;
  readonly #listeners: Listeners<RingEvents>;
  readonly #context: ServiceContext;
  readonly #meters: RingMeters;
  readonly #seeds = new Map<string, Hash64>();
  readonly #watches = new Set<Watched>();
  #table: RendezvousTable;
  #view: string;

  constructor(list: Memberlist, options: RingOptions) {
    this.#name = list.config.name;
    this.#replicas = options.replicas ?? 1;
    const candidates = new Candidates(list, options, { settled: () => this.#update() });
    this.#candidates = candidates;
    this.#context = list.addService({
      name: 'ring',
      changed: (event) => {
        if ('node' in event) candidates.memberChanged(event.node);
      },
      updated: () => candidates.selfChanged(),
      leaving: () => {
        candidates.selfLeaves();
        return undefined;
      },
      resumed: () => candidates.selfReturns(),
      stopped: () => this.close(),
    });
    this.#listeners = new Listeners(this.#context.reportError);
    this.#meters = new RingMeters(this.#context.metrics, () => this.isSettled);
    candidates.start(this.#context);
    this.#table = new RendezvousTable(candidates.list(), this.#seeds);
    this.#view = viewHash(this.#table.members, this.#replicas);
  }

  get view(): string {
    return this.#view;
  }

  get members(): readonly RingMember[] {
    return this.#table.members;
  }

  get isSettled(): boolean {
    return this.#candidates.isSettled;
  }

  owner(key: RingKey): string | undefined {
    checkKey(key);
    return this.#table.owner(key);
  }

  owners(key: RingKey, count = this.#replicas): string[] {
    checkKey(key);
    check('count', count, rules.count);
    return this.#table.owners(key, count);
  }

  isMine(key: RingKey): boolean {
    checkKey(key);
    return this.#holds(key);
  }

  watch(keys: Iterable<RingKey>): RingWatch {
    const all = [...keys];
    for (const key of all) checkKey(key);
    const watched = { keys: all, held: all.map((key) => this.#holds(key)) };
    this.#watches.add(watched);
    return {
      get held() {
        return all.filter((_, i) => watched.held[i]);
      },
      close: () => void this.#watches.delete(watched),
    };
  }

  on<Name extends keyof RingEvents>(
    event: Name,
    listener: (event: RingEvents[Name]) => unknown,
  ): this {
    this.#listeners.add(event, listener);
    return this;
  }

  off<Name extends keyof RingEvents>(
    event: Name,
    listener: (event: RingEvents[Name]) => unknown,
  ): this {
    this.#listeners.remove(event, listener);
    return this;
  }

  close(): void {
    this.#candidates.stop();
    this.#context.remove();
    this.#listeners.clear();
    this.#watches.clear();
  }

  #holds(key: RingKey): boolean {
    if (this.#replicas === 1) return this.#table.owner(key) === this.#name;
    return this.#table.owners(key, this.#replicas).includes(this.#name);
  }

  #update(): void {
    const table = new RendezvousTable(this.#candidates.list(), this.#seeds);
    const view = viewHash(table.members, this.#replicas);
    if (view === this.#view) return;
    this.#table = table;
    this.#view = view;
    this.#meters.viewChanges.inc();
    const gained: RingKey[] = [];
    const lost: RingKey[] = [];
    for (const { keys, held } of this.#watches) {
      for (const [i, key] of keys.entries()) {
        const isHeld = this.#holds(key);
        if (isHeld !== held[i]) (isHeld ? gained : lost).push(key);
        held[i] = isHeld;
      }
    }
    this.#listeners.emit('view', { view, members: table.members });
    if (gained.length + lost.length > 0) this.#listeners.emit('moved', { gained, lost, view });
  }
}
