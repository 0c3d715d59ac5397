/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Plays one scenario: first with all that goes wrong, then on a whole network, where everybody has to
// come to agree.

import { Keyring, type Logger, MemberlistError } from '../../../src/index.js';
import { SimulatedCluster, type SimulatedConfig } from '../../../src/testing/index.js';
import { layersFor } from '../../../src/security/layers.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import { agreementMs, difference, islands, streamsOf, timersOf } from './agreement.js';
import { EventWatch, Violation } from './invariants.js';
import type { Scenario, Step } from './scenario.js';

/** How a scenario went. */
export interface Outcome {
  readonly digest: string;
  /** Virtual milliseconds that agreement took after the end of the faults. */
  readonly agreedAfterMs: number;
  /** Whether islands that had forgotten each other had to be joined by hand. */
  readonly rejoined: boolean;
  readonly events: number;
}

/**
 * Plays a scenario.
 *
 * @throws Violation when an invariant does not hold; whatever else goes wrong
 */
export async function play(scenario: Scenario): Promise<Outcome> {
  const player = await Player.create(scenario);
  try {
    await player.suffer();
    return await player.recover();
  } finally {
    await player.cluster.close();
  }
}

class Player {
  readonly cluster: SimulatedCluster;
  readonly #scenario: Scenario;
  readonly #watch: EventWatch;
  readonly #metas: Map<string, string>;
  readonly #keyrings: Map<string, Keyring>;
  readonly #depths = new Map<string, number>();
  readonly #ops: Promise<unknown>[] = [];
  readonly #all = new Set<string>();
  #keys = [keyNumber(0)];
  #events = 0;
  #failure: Error | undefined;

  static async create(scenario: Scenario): Promise<Player> {
    const metas = new Map<string, string>();
    const keyrings = new Map<string, Keyring>();
    let player: Player | undefined = undefined as Player | undefined;
    const config = (name: string): SimulatedConfig => {
      const keys = player?.keys ?? [keyNumber(0)];
      const keyring = scenario.encrypted
        ? new Keyring(keys[0] as Buffer, keys.slice(1))
        : undefined;
      if (keyring) keyrings.set(name, keyring);
      return {
        ...scenario.settings,
        ...(keyring && { keyring }),
        queueCheckInterval: 2 * scenario.settings.probeInterval,
        logger: loggerFor((message, fields) => player?.hear(name, message, fields)),
        delegate: { nodeMeta: () => Buffer.from(metas.get(name) ?? '') },
      };
    };
    const { nodes: size, network, seed } = scenario;
    const cluster = await SimulatedCluster.create({ size, seed, config, network });
    player = new Player(scenario, { cluster, metas, keyrings });
    for (const name of cluster.names()) player.#started(name);
    return player;
  }

  private constructor(
    scenario: Scenario,
    parts: {
      cluster: SimulatedCluster;
      metas: Map<string, string>;
      keyrings: Map<string, Keyring>;
    },
  ) {
    const { cluster } = parts;
    this.cluster = cluster;
    this.#scenario = scenario;
    this.#metas = parts.metas;
    this.#keyrings = parts.keyrings;
    this.#watch = new EventWatch({
      now: () => cluster.now,
      isRunning: (observer) => cluster.names().includes(observer),
      nameOf: (observer) => cluster.node(observer).config.name,
      clockOf: (observer) => cluster.node(observer).config.clock.now(),
      gossipToTheDeadTime: scenario.settings.gossipToTheDeadTime,
      shortestSuspicion: scenario.settings.suspicionMult * scenario.settings.probeInterval,
    });
    cluster.on('event', (observer, event) => {
      this.#events++;
      this.#watch.event(observer, event);
    });
  }

  get keys(): Buffer[] {
    return this.#keys;
  }

  fail(failure: Error): void {
    this.#failure ??= failure;
  }

  /** A node logs something. What is thrown here the library would drop, as it must. */
  hear(name: string, message: string, fields: Fields): void {
    const { code, depth = 0 } = fields;
    if (code === 'queue-depth') this.#depths.set(name, depth);
    if (code === 'internal-error' || code === 'callback-threw') {
      this.fail(new Violation('the library finds no fault with itself', message));
    }
    try {
      this.#watch.logged(name, fields);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** The safety phase: all the steps, with the network as bad as it is. */
  async suffer(): Promise<void> {
    const { cluster } = this;
    this.#let(cluster.joinAll());
    for (const step of this.#scenario.steps) {
      await cluster.run(Math.max(0, step.at - cluster.now));
      await this.#take(step);
      this.#checkBounds();
    }
    await cluster.run(Math.max(0, this.#scenario.healAt - cluster.now));
    this.#checkBounds();
  }

  /** The liveness phase: the network is whole, and nobody does anything any more. */
  async recover(): Promise<Outcome> {
    const { cluster } = this;
    cluster.heal();
    cluster.network.change({ loss: 0, duplication: 0, reordering: 0, streamBreaks: 0 });
    await this.#settleOps();
    this.#endTwins();
    const startedAt = cluster.now;
    const rejoined = await this.#agree();
    const agreedAfterMs = cluster.now - startedAt;
    this.#checkCalm();
    await this.#forget();
    const digest = cluster.digest();
    await this.#end();
    return { digest, agreedAfterMs, rejoined, events: this.#events };
  }

  async #take(step: Step): Promise<void> {
    if ('node' in step && !this.#fits(step)) return;
    const { cluster } = this;
    switch (step.do) {
      case 'crash':
        cluster.crash(step.node, { silent: step.silent });
        break;
      case 'leave':
        this.#watch.leaves(cluster.node(step.node).config.name);
        this.#let(cluster.leave(step.node));
        break;
      case 'restart':
        await this.#restart(step);
        break;
      case 'add': {
        const { node, name } = step;
        const config = name === undefined ? {} : { name };
        await cluster.addNode(node, { join: false, config });
        this.#join(node);
        break;
      }
      case 'freeze':
      case 'block':
      case 'jump':
        cluster[step.do](step.node, step.ms);
        break;
      case 'breakStreams':
        cluster.breakStreams(step.node);
        break;
      case 'update':
        this.#metas.set(step.node, step.meta);
        this.#let(cluster.node(step.node).updateNode());
        await this.#newsTravel(`the update of ${step.node}`);
        break;
      case 'slander':
        await this.#slander(step.node, step.to, step.dead);
        break;
      case 'rotate':
        this.#rotate();
        break;
      default:
        this.#changeNetwork(step);
    }
  }

  #changeNetwork(step: Extract<Step, { do: 'partition' | 'heal' | 'link' }>): void {
    const { cluster } = this;
    if (step.do === 'heal') cluster.heal();
    else if (step.do === 'partition') {
      const groups = step.groups.map((group) => group.filter((name) => this.#all.has(name)));
      cluster.partition(groups, { oneWay: step.oneWay });
    } else if (this.#all.has(step.from) && this.#all.has(step.to)) {
      cluster.link(step.from, step.to, { loss: step.loss });
    }
  }

  async #restart({ node, name = node, moved }: Extract<Step, { do: 'restart' }>): Promise<void> {
    if (this.#all.has(name) && name !== node) return;
    const addr = moved ? { addr: 'new' } : {};
    await this.cluster.restart(node, { name, join: false, ...addr });
    this.#join(name);
  }

  /** Tells one node a lie about another one, which has to set that right. */
  async #slander(about: string, to: string, isDead: boolean): Promise<void> {
    if (about === to || !this.cluster.names().includes(to)) return;
    const { name: node, incarnation } = this.cluster.node(about).localNode;
    this.#watch.slandered(node);
    const type = isDead ? MessageType.dead : MessageType.suspect;
    const lie = encodeMessage({ type, node, incarnation, from: 'somebody' });
    const { config, localNode } = this.cluster.node(to);
    const packet = new PacketCodec(layersFor(config)).encode([lie], { checksum: false });
    // From an address where nobody lives.
    this.cluster.network.carry(packet, '10.255.0.1:7946', localNode.address);
    await this.#newsTravel(`the truth about ${about}`);
  }

  /**
   * In a calm network of so few everybody tells everybody in one round of gossip. So news are known
   * everywhere after one, and what is set right by somebody else after two.
   */
  async #newsTravel(what: string): Promise<void> {
    if (!this.#scenario.isCalm) return;
    const { gossipInterval, probeTimeout } = this.#scenario.settings;
    await this.cluster.run(2.2 * gossipInterval + 0.4 * probeTimeout);
    const isWrong = difference(this.cluster) ?? (this.cluster.converged() ? undefined : 'no');
    if (isWrong !== undefined) throw new Violation('news travel', `${what}: ${isWrong}`);
  }

  /** Whether a step can be taken: what starts must not run, all others must. */
  #fits(step: Step & { node: string }): boolean {
    const { node } = step;
    const isRunning = this.cluster.names().includes(node);
    if (step.do === 'add') return !this.#all.has(node);
    if (step.do === 'restart') return this.#all.has(node) && !isRunning;
    return isRunning;
  }

  #started(name: string): void {
    this.#all.add(name);
    const { localNode } = this.cluster.node(name);
    this.#watch.started(name, localNode.name, localNode.address);
  }

  /** Joins through anybody else, if there is anybody. */
  #join(name: string): void {
    this.#started(name);
    const other = this.cluster.names().find((each) => each !== name);
    if (other === undefined) return;
    const { address } = this.cluster.node(other).localNode;
    this.#let(this.cluster.node(name).join([address]));
  }

  /** Every node learns the next key, then uses it; the one before stays for what is under way. */
  #rotate(): void {
    const next = keyNumber((this.#keys[0]?.[0] ?? 0) + 1);
    const before = this.#keys[0] as Buffer;
    for (const keyring of this.#keyrings.values()) {
      keyring.addKey(next);
      keyring.useKey(next);
      for (const key of keyring.keys()) {
        if (!key.equals(next) && !key.equals(before)) keyring.removeKey(key);
      }
    }
    this.#keys = [next, before];
  }

  /** Something that may fail, in the ways that are told to users. */
  #let(promise: Promise<unknown>): void {
    const judged = promise.catch((error: unknown) => {
      const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
      const wrong = errors.find((each) => !(each instanceof MemberlistError));
      if (wrong !== undefined && !(error instanceof MemberlistError)) this.fail(wrong as Error);
    });
    this.#ops.push(judged);
  }

  /** Everything that was begun comes to an end, and all stalls are over. */
  async #settleOps(): Promise<void> {
    const { cluster } = this;
    const longest = Math.max(
      0,
      ...this.#scenario.steps.map((step) => ('ms' in step ? step.ms : 0)),
    );
    await cluster.run(longest);
    await cluster.during(Promise.all(this.#ops));
    this.#throwFailure();
  }

  /** Of two that have one name only the first may stay: the protocol cannot tell them apart. */
  #endTwins(): void {
    const seen = new Set<string>();
    for (const observer of this.cluster.names()) {
      const { name } = this.cluster.node(observer).config;
      if (seen.has(name)) this.cluster.crash(observer);
      seen.add(name);
    }
  }

  /**
   * All come to agree in a bounded time. Those who were apart for so long that they forgot each other
   * cannot: nothing in the protocol remembers. Then, and only then, somebody joins them again.
   */
  async #agree(): Promise<boolean> {
    const { cluster } = this;
    if (await this.#agreesWithin(agreementMs(this.#scenario.settings, this.#all.size)))
      return false;
    const apart = islands(this.cluster);
    if (apart.length < 2) throw this.#disagreement();
    const [main, ...others] = apart;
    const { address } = cluster.node(main?.[0] as string).localNode;
    for (const [first] of others) {
      const list = cluster.node(first as string);
      await cluster.during(list.join([address]));
    }
    if (!(await this.#agreesWithin(agreementMs(this.#scenario.settings, this.#all.size))))
      throw this.#disagreement();
    return true;
  }

  async #agreesWithin(ms: number): Promise<boolean> {
    const { cluster } = this;
    const everyMs = this.#scenario.settings.gossipInterval;
    const agrees = (): boolean =>
      cluster.names().length === 0 || (cluster.converged() && difference(cluster) === undefined);
    const deadline = cluster.now + ms;
    while (!agrees() && cluster.now < deadline) await cluster.run(everyMs);
    this.#throwFailure();
    return agrees();
  }

  #disagreement(): Violation {
    const views = this.cluster.names().map((name) => {
      const members = this.cluster.node(name).members();
      return `${name}: ${members.map((member) => `${member.name} ${member.state}`).join(', ')}`;
    });
    const detail = difference(this.cluster) ?? views.join('\n  ');
    return new Violation(
      `all agree ${Math.round(agreementMs(this.#scenario.settings, this.#all.size))} ms after the faults`,
      detail,
    );
  }

  /** Where nothing is wrong nobody who lives is called dead. */
  #checkCalm(): void {
    const [death] = this.#watch.falseDeaths;
    if (this.#scenario.isCalm && death !== undefined) {
      throw new Violation('nobody dies of nothing', death);
    }
  }

  /** Some time later the gone are forgotten, queues and streams are empty, and few timers are set. */
  async #forget(): Promise<void> {
    const { cluster } = this;
    const { probeInterval, gossipToTheDeadTime, tcpTimeout } = this.#scenario.settings;
    const n = this.#all.size;
    await cluster.run(gossipToTheDeadTime + 3 * n * probeInterval + 2 * tcpTimeout);
    await cluster.runUntil(() =>
      cluster.names().every((name) => streamsOf(this.cluster.node(name)) === 0),
    );
    this.#throwFailure();
    const names = new Set(cluster.names().map((name) => cluster.node(name).config.name));
    const gone = [...this.#all].filter((name) => !names.has(name));
    for (const observer of cluster.names()) {
      for (const name of gone) {
        const seen = cluster.node(observer).member(name);
        if (seen) throw new Violation('who is gone is forgotten', `${observer} knows ${name}`);
      }
      const depth = this.#depths.get(observer) ?? 0;
      // Who is alone has nobody to tell.
      if (depth > 0 && names.size > 1)
        throw new Violation('the queue is empty in the end', `${observer}: ${depth}`);
      // Four schedulers, a probe with its two deadlines, and somebody's probe by way of us.
      const timers = timersOf(this.cluster.node(observer));
      if (timers > 12)
        throw new Violation('few timers are set in the end', `${observer}: ${timers}`);
    }
  }

  async #end(): Promise<void> {
    const { cluster } = this;
    await cluster.close();
    if (cluster.timersLeft > 0) {
      throw new Violation('no timer is left after a shutdown', `${cluster.timersLeft} are`);
    }
    this.#throwFailure();
  }

  /** Nothing grows without bound, whatever happens. */
  #checkBounds(): void {
    this.#throwFailure();
    const n = this.#all.size;
    for (const name of this.cluster.names()) {
      const [timers, streams] = [
        timersOf(this.cluster.node(name)),
        streamsOf(this.cluster.node(name)),
      ];
      if (streams > 10 + 8 * n) throw new Violation('streams are bounded', `${name}: ${streams}`);
      if (timers > 30 + 8 * n + 4 * streams) {
        throw new Violation('timers are bounded', `${name}: ${timers}`);
      }
    }
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }
}

function keyNumber(number: number): Buffer {
  return Buffer.alloc(32, number);
}

/** The fields of a line of the log that are looked at. */
interface Fields {
  readonly code?: string;
  readonly peer?: string;
  readonly by?: string;
  readonly depth?: number;
}

function loggerFor(hear: (message: string, fields: Fields) => void): Logger {
  const log = (message: string, fields?: object): void => hear(message, fields ?? {});
  return { debug: log, info: log, warn: log, error: log };
}
