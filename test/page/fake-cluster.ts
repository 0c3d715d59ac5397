/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A fake cluster: the members, drops and events that a test wants, behind the page's real server.
import { EventEmitter } from 'node:events';
import { Gauge, Registry } from 'prom-client';
import { Page } from '../../src/cli/page/server.js';
import type { ShownToolkit } from '../../src/cli/page/toolkit-views.js';
import type { PageSource } from '../../src/cli/page/watch.js';
import { resolveConfig } from '../../src/config/resolve.js';
import type { MemberState, Node } from '../../src/core/member.js';
import { Keyring } from '../../src/security/keyring.js';
import type { MemberlistEvents } from '../../src/observability/member-events.js';

const versions = { min: 1, max: 5, current: 2 };
const roles = ['web', 'worker', 'cache', 'queue'];

/** What the fake cluster contains. */
export interface ClusterSpec {
  readonly members: number;
  readonly healthScore?: number;
  readonly suspect?: number;
  readonly failed?: number;
  readonly flapping?: number;
  readonly left?: number;
  /** The number of keys in the keyring; none for a cluster without encryption. */
  readonly keys?: number;
  readonly drops?: Readonly<Record<string, number>>;
  /** The name of an additional member. */
  readonly extra?: string;
  /** A message bus and shared state. */
  readonly toolkit?: ShownToolkit;
}

/** The page of a fake cluster. */
export class FakeCluster {
  readonly page: Page;
  readonly #list: FakeList;
  readonly #registry = new Registry();

  private constructor(spec: ClusterSpec) {
    this.#list = new FakeList(spec);
    const { nodes } = this.#list;
    const registers = [this.#registry];
    const gauge = (name: string, labelNames: string[], collect: (this: Gauge) => void): Gauge =>
      new Gauge({ name, help: name, labelNames, registers, collect });
    gauge('memberlist_members', ['state'], function () {
      for (const state of ['alive', 'suspect', 'dead', 'left']) {
        this.set({ state }, [...nodes.values()].filter((node) => node.state === state).length);
      }
    });
    gauge('memberlist_drops_total', ['reason'], function () {
      for (const [reason, n] of Object.entries(spec.drops ?? {})) this.set({ reason }, n);
    });
    gauge('memberlist_packets_sent_total', [], function () {
      this.inc(4);
    });
    const { toolkit = {} } = spec;
    this.page = new Page({ registry: this.#registry, toolkit }, { host: '127.0.0.1', port: 0 });
  }

  /** Creates a fake cluster and serves its page. */
  static async open(spec: ClusterSpec): Promise<FakeCluster> {
    const cluster = new FakeCluster(spec);
    await cluster.page.open(cluster.#list);
    cluster.#emitEvents(spec);
    return cluster;
  }

  get url(): string {
    return this.page.url;
  }

  /** Changes the state of a member, and emits the event. */
  change(name: string, state: MemberState): void {
    this.#list.change(name, state);
  }

  close(): Promise<void> {
    return this.page.close();
  }

  #emitEvents({ suspect = 0, failed = 0, flapping = 0, left = 0 }: ClusterSpec): void {
    const { watch } = this.page;
    const nothing = (): void => undefined;
    const logger = watch.loggerBefore({
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: nothing,
    });
    const names = [...this.#list.nodes.keys()].slice(1);
    for (const [i, name] of names.slice(-150).entries()) watch.pinged(name, 0.2 + (i % 40) / 7);
    // Spread over the cluster, so that the members are not already in the table's order.
    const some = (from: number, n: number): string[] =>
      Array.from({ length: n }, (_, i) => names[((from + i) * 37 + 5) % names.length] ?? '');
    for (const name of some(0, failed)) this.change(name, 'dead');
    for (const [i, name] of some(failed, suspect).entries()) {
      const by = names[(i * 11 + 3) % names.length] ?? '';
      logger.warn('a member is suspected', { code: 'member-suspected', peer: name, by });
      this.change(name, 'suspect');
    }
    for (const name of some(failed + suspect, flapping)) this.#list.flap(name);
    for (const name of some(failed + suspect + flapping, left)) this.change(name, 'left');
  }
}

/** A fake member list. */
export class FakeList extends EventEmitter<MemberlistEvents> implements PageSource {
  readonly nodes = new Map<string, Node>();
  readonly healthScore: number;
  readonly keyring: Keyring | undefined;
  readonly config;

  constructor({ members, healthScore = 0, keys = 0, extra }: ClusterSpec) {
    super();
    this.healthScore = healthScore;
    const [first, ...others] = Array.from({ length: keys }, () => Keyring.generate());
    this.keyring = first && new Keyring(first, others);
    this.config = resolveConfig({
      name: 'n',
      label: 'production',
      ...(this.keyring && { keyring: this.keyring }),
    });
    for (let i = 0; i < members; i++)
      this.#add(i === 0 ? 'web-0000' : `${roles[i % 4] ?? ''}-${pad(i)}`, i);
    if (extra !== undefined) this.#add(extra, members);
  }

  get localNode(): Node {
    return this.nodes.values().next().value as Node;
  }

  get numMembers(): number {
    return this.members().length;
  }

  members(): Node[] {
    return [...this.nodes.values()].filter(({ state }) => state === 'alive' || state === 'suspect');
  }

  member(name: string): Node | undefined {
    return this.nodes.get(name);
  }

  change(name: string, state: MemberState): void {
    const node = { ...(this.nodes.get(name) as Node), state };
    this.nodes.set(name, node);
    if (state === 'suspect') this.emit('suspect', node);
    else if (state === 'alive') this.emit('refute', node);
    else this.emit('leave', node, state === 'dead' ? 'failed' : 'left');
  }

  /** The member table removes a member; there is no event for that. */
  forget(name: string): void {
    this.nodes.delete(name);
  }

  flap(name: string): void {
    this.emit('flapping', this.nodes.get(name) as Node, 4);
  }

  #add(name: string, i: number): void {
    const addr = `10.${Math.floor(i / 250)}.0.${(i % 250) + 1}`;
    const meta = Buffer.from(
      JSON.stringify({ role: roles[i % 4], zone: `eu-${(i % 3) + 1}`, build: 4_000 + i }),
    );
    const address = `${addr}:7946`;
    const facts = { addr, port: 7946, address, meta, incarnation: 1 + (i % 5) };
    this.nodes.set(name, {
      name,
      state: 'alive',
      ...facts,
      extensions: {},
      protocol: versions,
      delegateProtocol: versions,
    });
  }
}

const pad = (i: number): string => String(i).padStart(4, '0');
