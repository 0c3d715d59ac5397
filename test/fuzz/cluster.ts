/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two nodes that know each other: in memory and in virtual time, which is fast and reproducible, or over real
// sockets. Both refuse outsiders, so their membership must not change. They admit forged members
// (forged-members.ts); their information about each other must not change all the same.
import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import {
  Memberlist,
  NetTransport,
  type MemberlistConfig,
  type Transport,
} from '../../src/index.js';
import { MemoryNetwork, SeededRandom, VirtualClock } from '../../src/testing/index.js';
import { decodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { FORGED_PREFIX, mostMembers } from './forged-members.js';
import { keyringOf, layersOf, type Lane } from './lane.js';
import { PEER, TARGET } from './seeds.js';
import { Tap } from './tap.js';

/** The addresses of the two nodes. */
export type Entrance = 'memory' | 'sockets';

const names: readonly string[] = [TARGET, PEER];
const host = '127.0.0.1';
const networks = { memory: '10.0.0.0/8', sockets: '127.0.0.0/8' } as const;

/** A target and its peer. */
export class Cluster implements AsyncDisposable {
  readonly lane: Lane;
  readonly entrance: Entrance;
  readonly taps: readonly [Tap, Tap];
  /** Errors in the log of either node. */
  readonly errors: string[] = [];
  /** The number of observed effects on the target, by effect. */
  readonly taken = new Map<string, number>();
  readonly clock: VirtualClock | undefined;
  target!: Memberlist;
  peer!: Memberlist;
  readonly #registry = new Registry();
  readonly #codec: PacketCodec;

  private constructor(lane: Lane, entrance: Entrance) {
    this.lane = lane;
    this.entrance = entrance;
    this.#codec = new PacketCodec(layersOf(lane));
    if (entrance === 'memory') {
      this.clock = new VirtualClock({ now: 10_000 });
      const network = new MemoryNetwork({ clock: this.clock });
      this.taps = [new Tap(network.transport(TARGET)), new Tap(network.transport(PEER))];
    } else {
      const transport = (): Transport => new NetTransport({ bindAddr: host, bindPort: 0 });
      this.taps = [new Tap(transport()), new Tap(transport())];
    }
  }

  /** Starts both nodes and waits until they have exchanged all updates. */
  static async start(lane: Lane, entrance: Entrance): Promise<Cluster> {
    const cluster = new Cluster(lane, entrance);
    const [target, peer] = (await cluster.passing(
      Promise.all([0, 1].map((i) => Memberlist.create(cluster.#config(i)))),
    )) as [Memberlist, Memberlist];
    cluster.target = target;
    cluster.peer = peer;
    cluster.#watch(target);
    await cluster.passing(peer.join([target.localNode.address]));
    await cluster.passing(Promise.all([peer.updateNode(), target.updateNode()]));
    for (const [from, to] of [
      [peer, target],
      [target, peer],
    ] as const) {
      const { localNode } = to;
      await cluster.passing(from.ping(localNode.name, localNode.address));
      await cluster.passing(from.sendBestEffort(localNode, Buffer.from('best effort')));
      await cluster.passing(from.sendReliable(localNode, Buffer.from('reliable')));
    }
    for (const tap of cluster.taps) tap.recording = false;
    cluster.taken.clear();
    const both = `${PEER} alive at ${peer.localNode.address}, ${TARGET} alive at ${target.localNode.address}`;
    assert.equal(cluster.view(), `${both} / ${both}`);
    return cluster;
  }

  /** Names, states and addresses, as both list them; without forged members. */
  view(): string {
    return [this.target, this.peer]
      .map((list) =>
        list
          .members()
          .filter(({ name }) => !name.startsWith(FORGED_PREFIX))
          .map(({ name, state, address }) => `${name} ${state} at ${address}`)
          .sort()
          .join(', '),
      )
      .join(' / ');
  }

  /** Resolves like the promise, and advances virtual time meanwhile, if there is any. */
  async passing<T>(promise: Promise<T>): Promise<T> {
    const { clock } = this;
    if (clock === undefined) return promise;
    let settled = false;
    const noted = promise.finally(() => (settled = true));
    noted.catch(() => undefined);
    // The loop's condition is changed in another turn.
    const isSettled = (): boolean => settled;
    for (let turns = 0; !isSettled(); turns++) {
      assert.ok(turns < 100_000, 'it does not end');
      clock.advance(1);
      await new Promise(setImmediate);
    }
    return noted;
  }

  /** Sequence numbers of the target's recent pings, for acks. */
  readonly sequences = (): number[] => {
    const numbers: number[] = [];
    for (const packet of this.taps[0].sent.slice(-4)) {
      this.#codec.decode(packet, (buf, start, end) => {
        if (buf[start] !== MessageType.ping) return;
        const ping = decodeMessage(buf, start, end);
        if (ping.type === MessageType.ping) numbers.push(ping.seqNo);
      });
    }
    return numbers;
  };

  /** Counts an effect on the target. */
  take(what: string, times = 1): void {
    this.taken.set(what, (this.taken.get(what) ?? 0) + times);
  }

  /** The target's drops, by reason, and its number of refutations. */
  async counted(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const metric of await this.#registry.getMetricsAsJSON()) {
      for (const { labels, value } of metric.values as { labels: object; value: number }[]) {
        const node = 'node' in labels ? labels.node : undefined;
        if (node !== TARGET || value === 0) continue;
        if ('reason' in labels) counts.set(`dropped ${String(labels.reason)}`, value);
        else if (metric.name === 'memberlist_refutations_total') counts.set('refuted', value);
      }
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.peer.shutdown(), this.target.shutdown()]);
  }

  #config(i: number): MemberlistConfig {
    const { label, keyHex, takesPlaintext } = this.lane;
    return {
      name: names[i],
      transport: this.taps[i],
      label,
      cidrsAllowed: [networks[this.entrance]],
      maxMembers: mostMembers,
      ...(keyHex !== undefined && { keyring: keyringOf(keyHex) }),
      gossipVerifyIncoming: takesPlaintext !== true,
      ...(this.clock && { clock: this.clock, random: new SeededRandom(`node ${i}`) }),
      metrics: { registry: this.#registry },
      logger: {
        debug: () => undefined,
        info: () => undefined,
        warn: () => undefined,
        error: (message) => this.errors.push(message),
      },
      alive: {
        notifyAlive: ({ name }) => {
          if (!names.includes(name) && !name.startsWith(FORGED_PREFIX))
            throw new Error('not a member of this cluster');
        },
      },
    };
  }

  #watch(target: Memberlist): void {
    target.on('message', () => this.take('received a user message'));
    target.on('update', () => this.take('accepted new metadata'));
    target.on('conflict', () => this.take('detected a conflict'));
    target.on(
      'join',
      ({ name }) => name.startsWith(FORGED_PREFIX) && this.take('admitted a forged member'),
    );
  }
}
