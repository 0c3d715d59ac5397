/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A bug in any part of the library: whatever the event loop was calling throws a few times. The process must live,
// the exception must be reported and counted, and the node must go on.
import assert from 'node:assert/strict';
import { mock, suite, test } from 'node:test';
import { Registry } from 'prom-client';
import { Discovery } from '../../../src/discovery/discovery.js';
import type { Node } from '../../../src/index.js';
import { Isolation } from '../../../src/cluster-health/isolation.js';
import { ReconnectCandidates } from '../../../src/discovery/reconnect-candidates.js';
import { Counters } from '../../../src/core/counters.js';
import { Dispatcher } from '../../../src/core/dispatcher.js';
import { Outbox } from '../../../src/core/gossip/piggyback.js';
import { LocalHealth } from '../../../src/core/lifeguard/local-health.js';
import { productionRules } from '../../../src/core/lifeguard/rules.js';
import type { PeriodicLoop } from '../../../src/core/lifeguard/rules.js';
import { Membership } from '../../../src/core/membership/apply.js';
import { Merger } from '../../../src/core/membership/merger.js';
import { DelegateHost } from '../../../src/node/delegate-host.js';
import { Acceptor } from '../../../src/exchange/acceptor.js';
import { Dialer } from '../../../src/exchange/dialer.js';
import { LineFold } from '../../../src/observability/line-fold.js';
import type { Report } from '../../../src/core/reports.js';
import type { NodeSeams } from '../../../src/node/seams.js';
import { StateExchange } from '../../../src/node/state-exchange.js';
import { SimulatedCluster, type SimulatedConfig } from '../../../src/testing/index.js';
import type { Sliced } from '../../../src/wire/sliced.js';
import { Log, inFields } from './cluster.js';

const size = 4;
const nodes = ['n0', 'n1', 'n2', 'n3'];
/** So often an entry throws. */
const times = 3;

/** A bug that shows a few times, from when it is armed. */
class Bug {
  readonly error = new TypeError('a bug');
  thrown = 0;
  /** How often the entry was passed since. */
  passed = 0;
  isArmed = false;

  readonly hit = (): void => {
    if (!this.isArmed) return;
    if (this.thrown < times) {
      this.thrown++;
      throw this.error;
    }
    this.passed++;
  };

  /** Breaks a method of every object of a class; `applies` says for which calls. */
  in<Class extends object>(
    prototype: Class,
    method: keyof Class & (string | symbol),
    applies: (...given: never[]) => boolean = () => true,
  ): void {
    const original = prototype[method] as (...given: unknown[]) => unknown;
    const { hit } = this;
    const broken = function (this: Class, ...given: unknown[]): unknown {
      if (applies(...(given as never[]))) hit();
      return original.apply(this, given);
    };
    mock.method(prototype as never, method as never, broken as never);
  }
}

interface Entry {
  /** Puts the bug in its place. */
  readonly breaks: (bug: Bug) => void;
  readonly config?: (bug: Bug) => SimulatedConfig;
  readonly seams?: (bug: Bug) => NodeSeams;
  /** Brings it about; the bug is armed then. */
  readonly act?: (cluster: SimulatedCluster) => void;
  /** Armed before the nodes join. */
  readonly fromTheStart?: boolean;
  /** What is thrown is not passed again by itself. */
  readonly isLast?: boolean;
}

const ends = (cluster: SimulatedCluster): void => cluster.crash('n3');
const nothing = (): void => undefined;

/** A loop whose tick throws. */
function tickOf(which: PeriodicLoop, act?: Entry['act']): Entry {
  const seams = ({ hit }: Bug): NodeSeams => {
    const periodic = (tick: () => void, loop: PeriodicLoop) => (): void => {
      if (loop === which) hit();
      tick();
    };
    return { lifeguard: { ...productionRules, periodic } };
  };
  return { breaks: nothing, seams, ...(act && { act }) };
}

function update(cluster: SimulatedCluster): void {
  for (const name of nodes) cluster.node(name).updateNode().catch(nothing);
}

function sendMessages(cluster: SimulatedCluster): void {
  const node = cluster.node('n0');
  const to = node.member('n1')!;
  for (let i = 0; i < 2 * times; i++) node.sendBestEffort(to, Buffer.of(i)).catch(nothing);
}

const entries: Readonly<Record<string, Entry>> = {
  'the tick of probes': tickOf('probe'),
  'the tick of gossip': tickOf('gossip', update),
  'the tick of push/pulls': tickOf('push-pull'),
  'the tick of the queue check': tickOf('queue-check'),
  'the settling timer': {
    breaks: (bug) => bug.in(StateExchange.prototype, 'inBackground'),
    config: () => ({ settleAfterJoin: true, pushPullInterval: 60_000 }),
    fromTheStart: true,
  },
  'the beginning of a probe': { breaks: (bug) => bug.in(Outbox.prototype, 'send') },
  'the ack of a probe': { breaks: (bug) => bug.in(LocalHealth.prototype, 'add') },
  'the end of a probe': { breaks: (bug) => bug.in(Counters.prototype, 'probe') },
  'the verdict of a probe whose time is up': {
    breaks: (bug) => bug.in(Membership.prototype, 'suspect'),
    act: ends,
  },
  'the timer of a suspicion': {
    breaks: (bug) => bug.in(Membership.prototype, 'dead'),
    act: ends,
  },
  'an answer to a stream ping': {
    breaks: (bug) => bug.in(Dialer.prototype, 'pingOrThrow'),
    act: (cluster) => {
      cluster.network.blackhole(cluster.node('n3').localNode.address);
    },
  },
  'a packet': { breaks: (bug) => bug.in(Dispatcher.prototype, 'receive') },
  'a message in the inbox': {
    breaks: (bug) => bug.in(Dispatcher.prototype, 'handleQueued'),
    act: update,
  },
  "a user's message": {
    breaks: (bug) => bug.in(DelegateHost.prototype, 'notifyMsg'),
    act: sendMessages,
  },
  'a stream that somebody opened': { breaks: (bug) => bug.in(Acceptor.prototype, 'accept') },
  'a stream that we opened': { breaks: (bug) => bug.in(Dialer.prototype, 'pushPull') },
  'a slice of a merge': {
    breaks: (bug) => {
      const merge = Reflect.get(Merger.prototype, 'merge') as (
        ...given: unknown[]
      ) => Sliced<undefined>;
      mock.method(Merger.prototype, 'merge', function* (this: Merger, ...given: unknown[]) {
        yield;
        bug.hit();
        return yield* Reflect.apply(merge, this, given);
      });
    },
  },
  'the part that is told of events first': {
    breaks: (bug) => bug.in(Discovery.prototype, 'onMembershipEvent'),
    act: ends,
  },
  "the user's delegates of events": {
    breaks: (bug) => bug.in(DelegateHost.prototype, 'notify'),
    act: ends,
  },
  'the search for lost members': {
    breaks: (bug) => bug.in(ReconnectCandidates.prototype, 'draw'),
    config: () => ({ rejoin: { interval: 1_000 } }),
    act: ends,
  },
  'the look at how many there are': {
    breaks: (bug) => bug.in(Isolation.prototype, 'evaluate'),
    act: (cluster) => {
      ends(cluster);
      cluster.clock.setTimer(30_000, () => void cluster.restart('n3').catch(nothing));
      cluster.clock.setTimer(45_000, () => cluster.crash('n3'));
    },
  },
  'the timer of the snapshot': {
    breaks: (bug) => bug.in(ReconnectCandidates.prototype, Symbol.iterator),
    config: () => ({ snapshot: { path: 'somewhere' } }),
    seams: () => {
      const files = {
        problemWith: () => Promise.resolve(undefined),
        read: () => Promise.resolve(undefined),
        replace: () => Promise.resolve(),
        setAside: () => Promise.reject(new Error('it is never read')),
      };
      return { files };
    },
    act: update,
  },
  'a line of the log': {
    breaks: (bug) =>
      bug.in(LineFold.prototype, 'take', ({ code }: Report) => code !== 'internal-error'),
  },
};

class Stage {
  readonly bug = new Bug();
  readonly logs = new Map(nodes.map((name) => [name, new Log()]));
  readonly errors: Error[] = [];
  readonly registry = new Registry();
  readonly entry: Entry;
  #cluster: SimulatedCluster | undefined;

  constructor(entry: Entry) {
    this.entry = entry;
  }

  get cluster(): SimulatedCluster {
    return this.#cluster!;
  }

  async create(): Promise<void> {
    const { bug, entry, registry, logs } = this;
    const config = (name: string): SimulatedConfig => ({
      pushPullInterval: 5_000,
      queueCheckInterval: 1_000,
      settleAfterJoin: false,
      logger: logs.get(name),
      metrics: { registry },
      ...entry.config?.(bug),
    });
    this.#cluster = await SimulatedCluster.createWith({ size, seed: 1, config }, () => ({
      ...entry.seams?.(bug),
      internalError: (error) => this.errors.push(error),
    }));
  }

  async counted(): Promise<number> {
    const metric = await this.registry.getSingleMetric('memberlist_internal_errors_total')?.get();
    return metric!.values.reduce((sum, { value }) => sum + value, 0);
  }
}

const isCalled = (name: string) => (node: Node) => node.name === name;

suite('a bug in the library, shown in', () => {
  for (const [what, entry] of Object.entries(entries)) {
    test(`${what}, is reported and counted, and the node goes on`, async () => {
      const stage = new Stage(entry);
      const { bug } = stage;
      entry.breaks(bug);
      try {
        await stage.create();
        const { cluster } = stage;
        bug.isArmed = entry.fromTheStart === true;
        await cluster.joinAll();
        await cluster.runUntil(() => cluster.converged());
        bug.isArmed = true;
        entry.act?.(cluster);
        await cluster.run(60_000);
        assert.equal(bug.thrown, times, 'it showed');
        assert.ok(bug.passed > 0, 'it went on');
        assert.deepEqual(stage.errors, Array(times).fill(bug.error));
        assert.equal(await stage.counted(), times);
        const lines = [...stage.logs.values()].flatMap((log) => log.of('internal-error'));
        assert.ok(lines.length > 0);
        for (const { level, fields } of lines) {
          assert.equal(level, 'error');
          assert.deepEqual(fields.error, inFields(bug.error));
        }
        // Failures are still found.
        cluster.crash('n2');
        await cluster.runUntil(() => cluster.node('n0').member('n2')?.state !== 'alive');
        await cluster.runUntil(() => !cluster.node('n0').members().some(isCalled('n2')));
        await cluster.close();
        assert.equal(cluster.timersLeft, 0);
      } finally {
        mock.restoreAll();
      }
    });
  }
});
