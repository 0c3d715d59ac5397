/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cluster whose keys are changed while it runs: five nodes on real sockets, that talk to each
// other the whole time, and that keep what would be wrong.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { localConfig, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { Log, until } from '../unit/memberlist/cluster.js';
import { Capture } from './capture.js';

/** Fast enough for a test, slow enough for a machine that has other things to do. */
const timings: MemberlistConfig = {
  ...localConfig(),
  probeInterval: 150,
  probeTimeout: 100,
  gossipInterval: 20,
  pushPullInterval: 300,
  tcpTimeout: 10_000,
};
const turnMs = 20;
/** Stands in all user messages, so that a capture shows whether they were sealed. */
export const marker = 'user message ';

/** One node of the cluster, and all that it was told. */
export class Station {
  readonly name: string;
  readonly bindAddr: string;
  /** `'join x'`, `'left x'`, `'failed x'`, `'suspect x'`, … as they came. */
  readonly events: string[] = [];
  /** User messages, by their whole text. */
  readonly heard = new Set<string>();
  /** Who answered a ping, and whose state was merged, since they were last cleared. */
  readonly pinged = new Set<string>();
  readonly merged = new Set<string>();
  /** How many user messages and states it was given. */
  taken = 0;
  log = new Log();
  capture!: Capture;
  #list: Memberlist | undefined;
  #port: number;
  #registry = new Registry();

  constructor(name: string, bindAddr: string, port = 0) {
    this.name = name;
    this.bindAddr = bindAddr;
    this.#port = port;
  }

  get list(): Memberlist {
    assert.ok(this.#list, `${this.name} was not started`);
    return this.#list;
  }

  /** Starts, or starts again: under the same name and address. */
  async start(config: MemberlistConfig): Promise<void> {
    this.capture = new Capture(this.bindAddr, this.#port);
    this.log = new Log();
    this.#registry = new Registry();
    const list = await Memberlist.create({
      ...timings,
      ...config,
      name: this.name,
      bindPort: this.#port,
      transport: this.capture,
      logger: this.log,
      metrics: { registry: this.#registry },
      delegate: {
        localState: () => Buffer.from(this.name),
        mergeRemoteState: (state) => {
          this.merged.add(state.toString());
          this.taken++;
        },
        notifyMsg: (message) => {
          this.heard.add(message.toString());
          this.taken++;
        },
      },
      ping: { notifyPingComplete: ({ name }) => this.pinged.add(name) },
    });
    this.#list = list;
    this.#port = list.localNode.port;
    list.on('join', ({ name }) => this.events.push(`join ${name}`));
    list.on('leave', ({ name }, reason) => this.events.push(`${reason} ${name}`));
    for (const event of ['update', 'suspect', 'refute', 'conflict'] as const) {
      list.on(event, ({ name }: { name: string }) => this.events.push(`${event} ${name}`));
    }
  }

  async stop(): Promise<void> {
    await this.#list?.shutdown();
  }

  /** How many packets and streams were dropped for this reason, or for any. */
  async drops(reason?: string): Promise<number> {
    const { values } = await this.#registry.getSingleMetric('memberlist_drops_total')!.get();
    const meant = values.filter(({ labels }) => reason === undefined || labels.reason === reason);
    return meant.reduce((sum, { value }) => sum + value, 0);
  }

  /** Everything that it believes of the cluster. */
  view(): string[] {
    return this.list
      .members()
      .map(({ name, state, incarnation, address, meta }) =>
        [name, state, incarnation, address, meta.toString('hex')].join(' '),
      )
      .sort();
  }
}

/** Five nodes that know each other. */
export class LiveCluster implements AsyncDisposable {
  readonly stations: Station[];

  /** @param network - the first three numbers of the nodes' addresses */
  constructor(network: string) {
    const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
    this.stations = names.map((name, i) => new Station(name, `${network}.${i + 1}`));
  }

  get lists(): Memberlist[] {
    return this.stations.map(({ list }) => list);
  }

  others(than: Station): Station[] {
    return this.stations.filter((station) => station !== than);
  }

  async start(configOf: (station: Station) => MemberlistConfig): Promise<this> {
    for (const station of this.stations) await station.start(configOf(station));
    const [first, ...others] = this.lists;
    for (const list of others) await list.join([first!.localNode.address]);
    await this.allSeeAll();
    for (const { events } of this.stations) events.length = 0;
    return this;
  }

  async allSeeAll(): Promise<void> {
    const all = this.stations.map(({ name }) => `${name} alive`).join();
    const seenBy = (list: Memberlist): string =>
      list
        .members()
        .map(({ name, state }) => `${name} ${state}`)
        .sort()
        .join();
    await until(this.lists, () => this.lists.every((list) => seenBy(list) === all));
  }

  /** Until each node has pinged each other and merged the state of two, by its own schedule. */
  async wholeRound(): Promise<void> {
    for (const { pinged, merged } of this.stations) {
      pinged.clear();
      merged.clear();
    }
    const isDone = ({ pinged, merged }: Station): boolean => pinged.size === 4 && merged.size >= 2;
    await until(this.lists, () => this.stations.every(isDone));
  }

  /** One node with each other, in both directions: a ping, a packet and a stream. */
  async talks(station: Station, occasion: string): Promise<void> {
    await Promise.all(
      this.others(station).flatMap((other) => [
        speak(station, other, occasion),
        speak(other, station, occasion),
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.stations.map((station) => station.stop()));
  }
}

async function speak(from: Station, to: Station, occasion: string): Promise<void> {
  await from.list.ping(to.name, to.list.localNode.address);
  const words = ['by packet', 'by stream'].map(
    (way) => `${marker}${from.name} to ${to.name} ${way} ${occasion}`,
  );
  await from.list.sendBestEffort(to.list.localNode, Buffer.from(words[0]!));
  await from.list.sendReliable(to.list.localNode, Buffer.from(words[1]!));
  await until(to.list, () => words.every((text) => to.heard.has(text)));
}

/** Resolves once it holds; looks again every few milliseconds, for ten seconds at most. */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `not within 10 s: ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Opens a stream, sends these bytes and ends it; gives all that was answered. */
export function streamTo(to: { host: string; port: number }, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const answer: Buffer[] = [];
    const socket = connect(to, () => socket.end(bytes));
    socket.on('data', (chunk: Buffer) => answer.push(chunk));
    socket.on('error', () => undefined); // a reset: they want no more of it
    socket.on('close', () => resolve(Buffer.concat(answer)));
  });
}

/**
 * User messages that go round the whole time: each node in turn to each other. A node whose last
 * message is not sent yet lets its turn pass, so that a slow machine is not buried under them.
 */
export class Traffic {
  readonly #cluster: LiveCluster;
  readonly #timer: NodeJS.Timeout;
  readonly #taken: { to: Station; text: string; reliable: boolean }[] = [];
  readonly #failures: unknown[] = [];
  readonly #running = new Map<Station, Promise<unknown>>();
  #turn = 0;

  constructor(cluster: LiveCluster) {
    this.#cluster = cluster;
    this.#timer = setInterval(() => this.#takeTurn(), turnMs);
  }

  /**
   * All that were sent since the last time have arrived; every reliable one must.
   *
   * @returns how many that were
   */
  async assertNoneLost(): Promise<number> {
    await Promise.all(this.#running.values());
    assert.deepEqual(this.#failures, []);
    const taken = this.#taken.splice(0);
    const reliable = taken.filter((message) => message.reliable);
    const bestEffort = taken.filter((message) => !message.reliable);
    const arrived = ({ to, text }: { to: Station; text: string }): boolean => to.heard.has(text);
    await until(this.#cluster.lists, () => reliable.every(arrived));
    const lost = bestEffort.filter((message) => !arrived(message)).length;
    assert.ok(lost <= bestEffort.length / 50, `${lost} of ${bestEffort.length} packets were lost`);
    return taken.length;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running.values());
  }

  #takeTurn(): void {
    const turn = this.#turn++;
    for (const [i, from] of this.#cluster.stations.entries()) {
      if (this.#running.has(from)) continue;
      const others = this.#cluster.others(from);
      const to = others[(turn + i) % others.length]!;
      const sending = [true, false].map((reliable) => this.#send(from, to, turn, reliable));
      const sent = Promise.all(sending).finally(() => this.#running.delete(from));
      this.#running.set(from, sent);
    }
  }

  async #send(from: Station, to: Station, turn: number, reliable: boolean): Promise<void> {
    const way = reliable ? 'sendReliable' : 'sendBestEffort';
    const text = `${marker}${turn} from ${from.name} to ${to.name} by ${way}`;
    try {
      await from.list[way](to.list.localNode, Buffer.from(text));
      this.#taken.push({ to, text, reliable });
    } catch (error) {
      this.#failures.push(error);
    }
  }
}
