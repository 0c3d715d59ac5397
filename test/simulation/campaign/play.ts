/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Plays one scenario: first with all faults, then on a healed network, where all nodes must agree and become idle, and
// in the end after the shutdown of all nodes, where nothing may be left.

import type { Report } from '../../../src/core/reports.js';
import type { MembershipEvent } from '../../../src/index.js';
import { sliceSizes } from '../../../src/wire/sliced.js';
import { Acts } from './acts.js';
import {
  agreementMs,
  countedMembers,
  deceived,
  difference,
  forgettingMs,
  islands,
  listsAreRight,
  remembered,
  suspicionMs,
} from './agreement.js';
import { checkBounds, isIdle, loadOf, longestHold } from './bounds.js';
import { rejoinMs } from './long.js';
import type { ExtensionWatch } from './extension-watch.js';
import { EventWatch } from './invariants.js';
import type { Outcome } from './outcome.js';
import type { Scenario, Step } from './scenario.js';
import { foundMs } from './strangers.js';
import { type Life, type Line, Stage } from './stage.js';
import type { Toolkit } from './toolkit.js';
import { Violation } from './violation.js';
import { watchesOf, type Watches } from './watches.js';

/**
 * Plays a scenario.
 *
 * @throws Violation when an invariant does not hold; any other error of the run
 */
export async function play(scenario: Scenario): Promise<Outcome> {
  const { records } = sliceSizes;
  sliceSizes.records = scenario.slices?.records ?? records;
  try {
    return await playWhole(scenario);
  } finally {
    sliceSizes.records = records;
  }
}

async function playWhole(scenario: Scenario): Promise<Outcome> {
  const player = await Player.create(scenario);
  try {
    await player.suffer();
    return await player.recover();
  } finally {
    await player.close();
  }
}

class Player {
  readonly #scenario: Scenario;
  readonly #stage: Stage;
  readonly #watch: EventWatch;
  readonly #extensions: ExtensionWatch;
  readonly #toolkit: Toolkit;
  readonly #acts: Acts;
  readonly #depths = new Map<string, number>();
  #events = 0;
  #steps = 0;
  #failure: Error | undefined;

  static async create(scenario: Scenario): Promise<Player> {
    let player = undefined as Player | undefined;
    const watches = watchesOf(scenario, () => player);
    const stage = await Stage.create(scenario, {
      line: (key, message, line) => player?.hear(key, message, line),
      report: (key, report) => player?.hearReport(key, report),
      ...watches,
    });
    player = new Player(scenario, stage, watches);
    for (const key of stage.cluster.names()) player.#acts.started(key);
    return player;
  }

  private constructor(scenario: Scenario, stage: Stage, { extensions, toolkit }: Watches) {
    const { settings } = scenario;
    const { cluster } = stage;
    this.#scenario = scenario;
    this.#stage = stage;
    this.#extensions = extensions;
    this.#toolkit = toolkit;
    this.#watch = new EventWatch({
      now: () => cluster.now,
      isRunning: (key) => stage.isRunning(key),
      nameOf: (key) => stage.life(key).list.config.name,
      clockOf: (key) => stage.life(key).list.config.clock.now(),
      membersOf: (key) => countedMembers(stage.life(key).engine),
      rowOf: (key, name) => stage.life(key).list.member(name),
      gossipToTheDeadTime: settings.gossipToTheDeadTime,
      suspicionMs: (members, confirmations) => suspicionMs(settings, members, confirmations),
    });
    this.#acts = new Acts(
      { stage, watch: this.#watch, toolkit },
      { fail: (error) => this.fail(error) },
    );
    cluster.on('event', (observer, event) => {
      this.#events++;
      if (stage.strangers.has(observer)) return this.#checkStranger(observer, event);
      if ('node' in event) extensions.emitted(observer, event.type, event.node);
      toolkit.emitted(observer, event);
      this.#watch.event(observer, event);
    });
  }

  get now(): number {
    return this.#stage.cluster.now;
  }

  lifeOf(key: string): Life | undefined {
    return this.#stage.has(key) ? this.#stage.life(key) : undefined;
  }

  running(): readonly Life[] {
    return this.#stage.running();
  }

  /** Lets time pass, with all checks. */
  async letPass(ms: number): Promise<void> {
    await this.#runTo(this.now + ms);
  }

  /** Calls back later. */
  later(ms: number, callback: () => void): void {
    this.#stage.cluster.clock.setTimer(ms, callback);
  }

  namesAt(address: string): ReadonlySet<string> {
    return this.#watch.namesAt(address);
  }

  leaves(name: string, incarnation: number): void {
    this.#watch.leavesIn(name, incarnation);
  }

  fail(failure: Error): void {
    this.#failure ??= failure;
  }

  /** A node writes a log line. The library drops exceptions from here. */
  hear(key: string, message: string, line: Line): void {
    const { code, depth = 0 } = line;
    if (code === 'queue-depth') this.#depths.set(key, depth);
    if (code === 'internal-error' || code === 'callback-threw') {
      this.fail(new Violation('no internal error is reported', message));
    }
  }

  /** A node reports something. The library drops exceptions from here. */
  hearReport(key: string, report: Report): void {
    this.#extensions.report(key, report);
    if (report.code !== 'member-failed' || this.#stage.strangers.has(key)) return;
    try {
      this.#watch.foundDead(key, report);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** The safety phase: all steps, with the faults of the network. */
  async suffer(): Promise<void> {
    this.#acts.joinAll();
    for (const step of this.#scenario.steps) {
      await this.#runTo(step.at);
      if (!(await this.#acts.take(step))) continue;
      this.#steps++;
      await this.#newsTravel(step);
      await this.#isFound(step);
      this.#look();
    }
    await this.#runTo(this.#scenario.healAt);
  }

  /** The liveness phase: the network is healed, and no more steps follow. */
  async recover(): Promise<Outcome> {
    const { cluster } = this.#stage;
    this.#extensions.rest();
    this.#toolkit.healed();
    cluster.heal();
    cluster.network.change({ loss: 0, duplication: 0, reordering: 0, streamBreaks: 0 });
    // All operations end, and all stalls are over.
    await this.#runTo(cluster.now + longestHold(this.#scenario));
    await cluster.during(this.#acts.ops);
    this.#endTwins();
    const startedAt = cluster.now;
    const rejoined = await this.#agree();
    const agreedAfterMs = cluster.now - startedAt;
    this.#checkCalm();
    this.#extensions.checkAgreement();
    await this.#findOut();
    await this.#toolkit.agreed();
    this.#throwFailure();
    this.#toolkit.rest();
    await this.#forget();
    await this.#toolkit.quiet();
    this.#throwFailure();
    await this.#beQuiet();
    await this.#end();
    const digest = cluster.digest();
    return {
      digest,
      agreedAfterMs,
      agreementShare: agreedAfterMs / this.#agreementMs,
      rejoined,
      events: this.#events,
      steps: this.#steps,
      falseDeaths: this.#watch.falseDeaths.length,
      extensionMessages: this.#extensions.deliveries,
      toolkit: this.#toolkit.counts(),
    };
  }

  async close(): Promise<void> {
    await this.#stage.cluster.close();
  }

  /** Advances the time, and checks all invariants once per probe interval. */
  async #runTo(time: number): Promise<void> {
    const { cluster } = this.#stage;
    const { probeInterval } = this.#scenario.settings;
    while (cluster.now < time) {
      await cluster.run(Math.min(probeInterval, time - cluster.now));
      this.#look();
    }
  }

  /** Tables match the events, and all work is bounded, at any time. */
  #look(): void {
    this.#throwFailure();
    const lives = this.#stage.running();
    for (const { key, engine } of lives) {
      const rows = Array.from(engine.table, (member) => member.snapshot());
      this.#watch.table(key, rows);
    }
    this.#extensions.check();
    this.#toolkit.look();
    const { size: nodes, names } = this.#stage;
    checkBounds(this.#scenario, { nodes, names }, lives);
  }

  /**
   * In a calm network of few nodes one round of gossip reaches all nodes. So an update is known everywhere after one
   * round, and a refutation after two.
   */
  async #newsTravel(step: Step): Promise<void> {
    if (!this.#scenario.isCalm || (step.do !== 'update' && step.do !== 'slander')) return;
    const { gossipInterval, probeTimeout } = this.#scenario.settings;
    const { cluster } = this.#stage;
    await cluster.run(2.2 * gossipInterval + 0.4 * probeTimeout);
    const what = `${step.do} ${step.node}`;
    const isWrong = difference(this.#stage)?.message ?? (cluster.converged() ? undefined : 'no');
    if (isWrong !== undefined) throw new Violation('updates spread', `${what}: ${isWrong}`);
  }

  /** In a crowded table a crashed real member is found dead in a time that hardly depends on the forged ones. */
  async #isFound(step: Step): Promise<void> {
    if (this.#scenario.crowded !== true || step.do !== 'crash') return;
    const { settings } = this.#scenario;
    const { size, names, forged } = this.#stage;
    // The network is quiet: a forgery that no node believed would be a mistake of the campaign. Each node has at least
    // the members that were sent to it.
    const sent = this.#scenario.steps.map((each) => (each.do === 'forge' ? each.count : 0));
    if (!this.#stage.running().some(({ engine }) => engine.table.size > Math.max(...sent))) {
      throw new Error(`nobody has the ${forged.size} forged members`);
    }
    const isLive = ({ list }: Life): boolean =>
      list.members().some(({ name }) => name === step.node);
    const deadline = this.#stage.cluster.now + foundMs(settings, size, names);
    while (this.#stage.running().some(isLive)) {
      if (this.#stage.cluster.now >= deadline) {
        const who = this.#stage.running().find(isLive)?.key;
        throw new Violation(
          'a killed member is detected in a crowded table',
          `${who}: ${step.node}`,
        );
      }
      await this.#runTo(this.#stage.cluster.now + settings.probeInterval);
    }
  }

  /** The nodes of another cluster know only each other, also at an address that a node of ours had. */
  #checkStranger(observer: string, event: MembershipEvent): void {
    if (!('node' in event) || this.#stage.strangers.has(event.node.name)) return;
    throw new Violation('two clusters stay separate', `${observer} is told of ${event.node.name}`);
  }

  /** Ends all but the first node of each name: the protocol cannot distinguish them. */
  #endTwins(): void {
    const seen = new Set<string>();
    for (const { key, list } of this.#stage.running()) {
      const { name } = list.config;
      if (seen.has(name)) this.#stage.cluster.crash(key);
      seen.add(name);
    }
  }

  /**
   * All nodes agree in a bounded time. Nodes that removed each other cannot: nothing in the protocol remembers them.
   * Only then does the campaign join them again. A node that still lists others as dead when it is joined removes them
   * later and must be joined once more; this is repeated for as long as detection and removal may take.
   */
  async #agree(): Promise<boolean> {
    const { cluster } = this.#stage;
    const forgottenAt = cluster.now + this.#agreementMs;
    let isLast = false;
    if (this.#scenario.rejoins === true) {
      if (await this.#agreesInTime()) return true;
      throw this.#disagreement();
    }
    for (let rejoins = 0; ; rejoins++) {
      // The effects of a join take some probes.
      if (await this.#agreesInTime({ probesBefore: rejoins > 0 ? 5 : 0 })) return rejoins > 0;
      const [main, ...others] = islands(this.#stage);
      if (others.length === 0 || isLast) throw this.#disagreement();
      isLast = cluster.now >= forgottenAt;
      for (const island of others) {
        this.#checkApart(main as string[], island);
        await this.#rejoin(island, main as string[]);
      }
    }
  }

  async #rejoin([first]: readonly string[], [other]: readonly string[]): Promise<void> {
    const { list } = this.#stage.life(first as string);
    const { address } = this.#stage.life(other as string).list.localNode;
    await this.#stage.cluster.during(list.join([address]));
  }

  /**
   * No known member is removed without a leave event before. So on both sides a node got a leave event or restarted
   * with an empty table, or one side never joined.
   */
  #checkApart(main: readonly string[], island: readonly string[]): void {
    const hasLost = (key: string): boolean =>
      this.#watch.hasLostSomebody(key) || this.#stage.reborn.has(key);
    const isLoner = (key: string): boolean => this.#stage.loners.has(key);
    if ([...main, ...island].some(isLoner)) return;
    if (main.some(hasLost) && island.some(hasLost)) return;
    const detail = `${main.join(' ')} and ${island.join(' ')}`;
    throw new Violation('only members that failed are reaped', detail);
  }

  /** Returns false when it takes too long, and as soon as agreement is impossible. */
  async #agreesInTime({ probesBefore = 0 } = {}): Promise<boolean> {
    const { cluster } = this.#stage;
    const { gossipInterval, probeInterval } = this.#scenario.settings;
    const agrees = (): boolean =>
      this.#stage.running().length === 0 ||
      (this.#isConverged() && difference(this.#stage) === undefined);
    const { settings, rejoins = false } = this.#scenario;
    // Nodes that lost each other reconnect within three intervals, and then all must agree.
    const findingMs = rejoins ? 3 * rejoinMs(settings) : 0;
    const deadline = cluster.now + findingMs + this.#agreementMs;
    let lookAt = cluster.now + probesBefore * probeInterval;
    while (!agrees() && cluster.now < deadline) {
      if (!rejoins && cluster.now >= lookAt) {
        if (islands(this.#stage).length > 1) return false;
        lookAt = cluster.now + 5 * probeInterval;
      }
      await this.#runTo(cluster.now + gossipInterval);
    }
    this.#look();
    return agrees();
  }

  /**
   * With forged members in the table at least every other probe goes to a verified member. A node without verified
   * members reaps dead ones at the end of a pass over the forged ones, which it probes at the slowest rate.
   */
  get #agreementMs(): number {
    const { forged, size } = this.#stage;
    const { settings } = this.#scenario;
    const passMs = 9 * forged.size * settings.probeInterval;
    return (forged.size > 0 ? 2 : 1) * agreementMs(settings, size) + passMs;
  }

  #isConverged(): boolean {
    const { cluster, forged, strangers } = this.#stage;
    return forged.size + strangers.size === 0 ? cluster.converged() : listsAreRight(this.#stage);
  }

  /** All forged members are found dead in the end: one probe each, at the slowest rate, of a single node. */
  async #findOut(): Promise<void> {
    const { cluster, forged } = this.#stage;
    const { settings } = this.#scenario;
    const passMs = 2 * 9 * forged.size * settings.probeInterval;
    const deadline = cluster.now + passMs + agreementMs(settings, this.#stage.names);
    while (deceived(this.#stage) !== undefined && cluster.now < deadline) {
      await this.#runTo(cluster.now + settings.probeInterval);
    }
    const who = deceived(this.#stage);
    if (who !== undefined) throw new Violation('forged members are declared dead', who);
  }

  #disagreement(): Violation {
    const found = difference(this.#stage);
    if (found) return found;
    const views = this.#stage.running().map(({ key, list }) => {
      const members = list.members().map(({ name, state }) => `${name} ${state}`);
      return `${key}: ${members.join(', ')}`;
    });
    return new Violation('all nodes agree in bounded time', views.join('\n  '));
  }

  /** Without faults no running node is declared dead, and a node that leaves is reported as left. */
  #checkCalm(): void {
    if (!this.#scenario.isCalm) return;
    const [death] = this.#watch.unrefutedDeaths;
    if (death !== undefined) throw new Violation('no healthy node is declared dead', death);
    const [leave] = this.#watch.unheardLeaves;
    if (leave !== undefined) throw new Violation('a member that leaves is reported as left', leave);
  }

  /** Some time later no table contains a member that does not run. */
  async #forget(): Promise<void> {
    const { cluster } = this.#stage;
    const { settings } = this.#scenario;
    const deadline = cluster.now + forgettingMs(settings, this.#stage.names);
    while (remembered(this.#stage) !== undefined && cluster.now < deadline) {
      await this.#runTo(cluster.now + settings.probeInterval);
    }
    const name = remembered(this.#stage);
    if (name !== undefined) throw new Violation('gone members are reaped', name);
    if (!(await this.#agreesInTime())) throw this.#disagreement();
  }

  /** Between two probes no node has pending work, and each logs that its queue is empty. */
  async #beQuiet(): Promise<void> {
    const { cluster } = this.#stage;
    const { probeInterval, pushPullInterval, tcpTimeout } = this.#scenario.settings;
    const restless = new Map(this.#stage.running().map((life) => [life.key, life]));
    const settle = (life: Life): void => {
      if (isIdle(life, { looksForLost: this.#stage.strangers.size > 0 })) restless.delete(life.key);
    };
    // Late acks are logged as dropped, and the log folds lines for 10 s; a few times in a row.
    const deadline = cluster.now + 100_000 + 20 * probeInterval + pushPullInterval + 2 * tcpTimeout;
    const isOver = (): boolean => {
      restless.forEach(settle);
      return restless.size === 0 || cluster.now >= deadline;
    };
    await cluster.runUntil(isOver, { timeout: Infinity });
    for (const life of restless.values()) {
      throw new Violation('all nodes become idle', `${life.key}: ${JSON.stringify(loadOf(life))}`);
    }
    await this.#runTo(cluster.now + 3 * probeInterval);
    this.#extensions.checkQuiet();
    for (const { key, engine } of this.#stage.running()) {
      const depth = this.#depths.get(key) ?? 0;
      if (depth !== 0 && engine.hasPeers)
        throw new Violation('the queue is reported empty in the end', `${key}: ${depth}`);
    }
  }

  /** Shuts all nodes down under new faults, when there is pending work that could be left. */
  async #end(): Promise<void> {
    const { cluster } = this.#stage;
    const { probeInterval, probeTimeout } = this.#scenario.settings;
    cluster.network.change({ loss: 0.6 });
    this.#extensions.wake();
    this.#toolkit.wake();
    await this.#runTo(cluster.now + 3 * probeInterval + 0.5 * probeTimeout);
    this.#extensions.broadcast();
    await cluster.close();
    this.#extensions.checkEnd();
    this.#toolkit.ended();
    if (cluster.timersLeft > 0) {
      throw new Violation('no timer is left after a shutdown', `${cluster.timersLeft} are`);
    }
    for (const key of this.#stage.keysOfAll) {
      const load = loadOf(this.#stage.life(key));
      if (load.acks + load.suspicions + load.queue + load.streams === 0) continue;
      throw new Violation('nothing is left after a shutdown', `${key}: ${JSON.stringify(load)}`);
    }
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }
}
