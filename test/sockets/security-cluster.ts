/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cluster whose keys change while it runs: five nodes on real sockets that exchange messages all the time,
// and record anything unexpected.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { localConfig, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { Log, until } from '../unit/memberlist/cluster.js';
import { Capture } from './capture.js';

/** Fast enough for a test, slow enough for a machine with other load. */
const timings: MemberlistConfig = {
  ...localConfig(),
  probeInterval: 150,
  probeTimeout: 100,
  gossipInterval: 20,
  pushPullInterval: 300,
  tcpTimeout: 10_000,
};
const turnMs = 20;
/** Part of all user messages, so that a capture shows whether they were sealed. */
export const marker = 'user message ';

/** One node of the cluster, and everything that it received. */
export class TestNode {
  readonly name: string;
  readonly bindAddr: string;
  /** `'join x'`, `'left x'`, `'failed x'`, `'suspect x'`, … in order. */
  readonly events: string[] = [];
  /** User messages. */
  readonly received = new Set<string>();
  /** Nodes that answered a ping, and nodes whose state was merged, since the last clear. */
  readonly pinged = new Set<string>();
  readonly merged = new Set<string>();
  /** The number of received user messages and states. */
  receivedCount = 0;
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

  /** Starts or restarts the node, with the same name and address. */
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
          this.receivedCount++;
        },
        notifyMsg: (message) => {
          this.received.add(message.toString());
          this.receivedCount++;
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

  /** The number of packets and streams dropped for this reason, or for any reason. */
  async drops(reason?: string): Promise<number> {
    const { values } = await this.#registry.getSingleMetric('memberlist_drops_total')!.get();
    const matching = values.filter(
      ({ labels }) => reason === undefined || labels.reason === reason,
    );
    return matching.reduce((sum, { value }) => sum + value, 0);
  }

  /** All members as it lists them. */
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
  readonly nodes: TestNode[];

  /** @param network - the first three numbers of the nodes' addresses */
  constructor(network: string) {
    const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
    this.nodes = names.map((name, i) => new TestNode(name, `${network}.${i + 1}`));
  }

  get lists(): Memberlist[] {
    return this.nodes.map(({ list }) => list);
  }

  others(than: TestNode): TestNode[] {
    return this.nodes.filter((node) => node !== than);
  }

  async start(configOf: (node: TestNode) => MemberlistConfig): Promise<this> {
    for (const node of this.nodes) await node.start(configOf(node));
    const [first, ...others] = this.lists;
    for (const list of others) await list.join([first!.localNode.address]);
    await this.allSeeAll();
    for (const { events } of this.nodes) events.length = 0;
    return this;
  }

  async allSeeAll(): Promise<void> {
    const all = this.nodes.map(({ name }) => `${name} alive`).join();
    const seenBy = (list: Memberlist): string =>
      list
        .members()
        .map(({ name, state }) => `${name} ${state}`)
        .sort()
        .join();
    await until(this.lists, () => this.lists.every((list) => seenBy(list) === all));
  }

  /** Resolves when each node has pinged all others and merged the state of two, by its own schedule. */
  async fullRound(): Promise<void> {
    for (const { pinged, merged } of this.nodes) {
      pinged.clear();
      merged.clear();
    }
    const isDone = ({ pinged, merged }: TestNode): boolean => pinged.size === 4 && merged.size >= 2;
    await until(this.lists, () => this.nodes.every(isDone));
  }

  /** Exchanges a ping, a packet and a stream between one node and each other node, in both directions. */
  async assertConnected(node: TestNode, occasion: string): Promise<void> {
    await Promise.all(
      this.others(node).flatMap((other) => [
        exchange(node, other, occasion),
        exchange(other, node, occasion),
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

async function exchange(from: TestNode, to: TestNode, occasion: string): Promise<void> {
  await from.list.ping(to.name, to.list.localNode.address);
  const texts = ['by packet', 'by stream'].map(
    (way) => `${marker}${from.name} to ${to.name} ${way} ${occasion}`,
  );
  await from.list.sendBestEffort(to.list.localNode, Buffer.from(texts[0]!));
  await from.list.sendReliable(to.list.localNode, Buffer.from(texts[1]!));
  await until(to.list, () => texts.every((text) => to.received.has(text)));
}

/** Resolves once the condition holds; polls every few milliseconds, for ten seconds at most. */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `not within 10 s: ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Opens a stream, sends these bytes and ends it; returns the complete answer. */
export function streamTo(to: { host: string; port: number }, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const answer: Buffer[] = [];
    const socket = connect(to, () => socket.end(bytes));
    socket.on('data', (chunk: Buffer) => answer.push(chunk));
    socket.on('error', () => undefined); // a reset: the node stopped reading
    socket.on('close', () => resolve(Buffer.concat(answer)));
  });
}

/**
 * Continuous user messages: each node in turn to each other. A node whose last message is not sent yet skips
 * its turn, so that a slow machine is not overloaded.
 */
export class Traffic {
  readonly #cluster: LiveCluster;
  readonly #timer: NodeJS.Timeout;
  readonly #sent: { to: TestNode; text: string; reliable: boolean }[] = [];
  readonly #failures: unknown[] = [];
  readonly #running = new Map<TestNode, Promise<unknown>>();
  #turn = 0;

  constructor(cluster: LiveCluster) {
    this.#cluster = cluster;
    this.#timer = setInterval(() => this.#takeTurn(), turnMs);
  }

  /**
   * Asserts that all messages since the last call have arrived: every reliable one, and nearly all packets.
   *
   * @returns the number of messages
   */
  async assertNoneLost(): Promise<number> {
    await Promise.all(this.#running.values());
    assert.deepEqual(this.#failures, []);
    const sent = this.#sent.splice(0);
    const reliable = sent.filter((message) => message.reliable);
    const bestEffort = sent.filter((message) => !message.reliable);
    const arrived = ({ to, text }: { to: TestNode; text: string }): boolean =>
      to.received.has(text);
    await until(this.#cluster.lists, () => reliable.every(arrived));
    const lost = bestEffort.filter((message) => !arrived(message)).length;
    assert.ok(lost <= bestEffort.length / 50, `${lost} of ${bestEffort.length} packets were lost`);
    return sent.length;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running.values());
  }

  #takeTurn(): void {
    const turn = this.#turn++;
    for (const [i, from] of this.#cluster.nodes.entries()) {
      if (this.#running.has(from)) continue;
      const others = this.#cluster.others(from);
      const to = others[(turn + i) % others.length]!;
      const sending = [true, false].map((reliable) => this.#send(from, to, turn, reliable));
      const sent = Promise.all(sending).finally(() => this.#running.delete(from));
      this.#running.set(from, sent);
    }
  }

  async #send(from: TestNode, to: TestNode, turn: number, reliable: boolean): Promise<void> {
    const way = reliable ? 'sendReliable' : 'sendBestEffort';
    const text = `${marker}${turn} from ${from.name} to ${to.name} by ${way}`;
    try {
      await from.list[way](to.list.localNode, Buffer.from(text));
      this.#sent.push({ to, text, reliable });
    } catch (error) {
      this.#failures.push(error);
    }
  }
}
