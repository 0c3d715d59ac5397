/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The nodes of one run of a scenario, and what the campaign knows about them.

import type { Engine } from '../../../src/core/engine.js';
import type { Report } from '../../../src/core/reports.js';
import type { Memberlist } from '../../../src/index.js';
import type { NodeSeams } from '../../../src/node/seams.js';
import {
  type MemoryTransport,
  SimulatedCluster,
  type SimulatedConfig,
} from '../../../src/testing/index.js';
import type { CampaignExtension } from './extension.js';
import type { ExtensionWatch } from './extension-watch.js';
import { Keys } from './keys.js';
import { rejoinMs } from './long.js';
import type { Scenario } from './scenario.js';
import type { Toolkit } from './toolkit.js';
import { WatchedExtension } from './watched-extension.js';

/** The fields of a log line that the campaign uses. */
export interface Line {
  readonly code?: string;
  readonly depth?: number;
}

/** Receives what nodes log and report. */
export interface Ears {
  readonly line: (key: string, message: string, line: Line) => void;
  /** Called at once, also when the log folds the line. */
  readonly report: (key: string, report: Report) => void;
  readonly extensions: ExtensionWatch;
  readonly toolkit: Toolkit;
}

/** One life of one node. */
export interface Life {
  /** Its key in the cluster; the name of its Memberlist may be that of another node. */
  readonly key: string;
  readonly list: Memberlist;
  readonly engine: Engine;
  readonly transport: MemoryTransport;
  readonly extensions: readonly CampaignExtension[];
  /** The watched extensions of the product. */
  readonly toolkit: readonly WatchedExtension[];
}

/** The nodes of one run. */
export class Stage {
  readonly scenario: Scenario;
  readonly keys = new Keys();
  /** The metadata that users set. */
  readonly metas = new Map<string, string>();
  /** Nodes whose join failed. */
  readonly loners = new Set<string>();
  /** Nodes that restarted and lost their table. */
  readonly reborn = new Set<string>();
  /** Names of forged members. */
  readonly forged = new Set<string>();
  /** The keys of nodes of another cluster. */
  readonly strangers = new Set<string>();
  readonly #lives = new Map<string, Life>();
  /** Of the last life of each node that was started. */
  readonly #engines = new Map<string, Engine>();
  readonly #extensions = new Map<string, readonly CampaignExtension[]>();
  readonly #toolkits = new Map<string, readonly WatchedExtension[]>();
  readonly #watch: ExtensionWatch;
  #cluster: SimulatedCluster | undefined;

  private constructor(scenario: Scenario, watch: ExtensionWatch) {
    this.scenario = scenario;
    this.#watch = watch;
  }

  /** Starts the initial nodes. */
  static async create(scenario: Scenario, hear: Ears): Promise<Stage> {
    const stage = new Stage(scenario, hear.extensions);
    const { nodes: size, network, seed, settings, encrypted, slices } = scenario;
    const config = (key: string): SimulatedConfig => {
      const log = (message: string, line?: object): void => hear.line(key, message, line ?? {});
      const use = hear.extensions.forLife(key);
      const toolkit = hear.toolkit.use(key);
      stage.#extensions.set(key, use);
      stage.#toolkits.set(
        key,
        toolkit.filter((each) => each instanceof WatchedExtension),
      );
      return {
        use: [...use, ...toolkit],
        rejoin: scenario.rejoins === true && {
          interval: rejoinMs(settings),
          timeout: rejoinMs(settings),
        },
        // Otherwise a timer of an hour would be pending in a cluster that became smaller.
        expectedMembers: scenario.toolkit?.ring?.knowsSize === true ? size : 1,
        ...settings,
        ...(encrypted && { keyring: stage.keys.ringFor(key) }),
        queueCheckInterval: 2 * settings.probeInterval,
        logger: { debug: log, info: log, warn: log, error: log },
        delegate: { nodeMeta: () => Buffer.from(stage.metas.get(key) ?? '') },
      };
    };
    const seamsOf = (key: string): NodeSeams => ({
      observer: {
        engine: (engine) => void stage.#engines.set(key, engine),
        report: (report) => hear.report(key, report),
      },
    });
    const turnMs = slices?.turnMs;
    const options = { size, seed, config, network, turnMs, traceLength: 0 };
    stage.#cluster = await SimulatedCluster.createWith(options, seamsOf);
    if (hear.extensions.isActive) stage.#cluster.network.addTap(hear.extensions);
    return stage;
  }

  get cluster(): SimulatedCluster {
    return this.#cluster as SimulatedCluster;
  }

  /** The number of nodes that ever started. */
  get size(): number {
    return this.#lives.size;
  }

  /** The number of names that nodes may know, forged ones included. */
  get names(): number {
    return this.#lives.size + this.forged.size;
  }

  /** The keys of all nodes that ever started. */
  get keysOfAll(): readonly string[] {
    return [...this.#lives.keys()];
  }

  /** Registers a node of another cluster. */
  strangerStarted(key: string): void {
    this.#watch.started(key, this.cluster.network.addrOf(key));
  }

  has(key: string): boolean {
    return this.#lives.has(key);
  }

  /** Registers a node that started. */
  started(key: string): Life {
    const list = this.cluster.node(key);
    const transport = list.config.transport as MemoryTransport;
    const engine = this.#engines.get(key) as Engine;
    const extensions = this.#extensions.get(key) ?? [];
    const toolkit = this.#toolkits.get(key) ?? [];
    const life = { key, list, engine, transport, extensions, toolkit };
    this.#lives.set(key, life);
    this.#watch.started(key, transport.addr);
    return life;
  }

  /** The last life of a node. */
  life(key: string): Life {
    const life = this.#lives.get(key);
    if (!life) throw new Error(`there was no ${key}`);
    return life;
  }

  isRunning(key: string): boolean {
    return this.#lives.get(key)?.transport.isRunning === true;
  }

  /** The running nodes. */
  running(): Life[] {
    return [...this.#lives.values()].filter(({ transport }) => transport.isRunning);
  }
}

/** Timers that a node has set, without those of its extensions. */
export function timersOf({ list, extensions, toolkit }: Life): number {
  const { pending } = list.config.clock as unknown as { pending: number };
  return [...extensions, ...toolkit].reduce((rest, { timers }) => rest - timers, pending);
}
