/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The nodes of this process: real ones, on loopback sockets, with the LAN defaults and `node-memberlist/state`.

import { setTimeout as wait } from 'node:timers/promises';
import { Memberlist, NetTransport, type Extension } from '../../src/index.js';
import { CountingTransport, Traffic } from '../ours/counting-transport.js';
import type { Usage } from '../protocol.js';
import type { StartStateTask, Updated, UpdateTask } from './tasks.js';
import { Updates } from './updates.js';

/** The part of the shared state that is measured. */
interface State extends Extension {
  set(key: string, value: string): unknown;
  get(name: string, key: string): unknown;
  on(event: 'change', listener: (change: { name: string; value?: unknown }) => void): unknown;
}

interface StateModule {
  readonly createState: () => State;
}

interface Member {
  readonly name: string;
  readonly list: Memberlist;
  readonly state: State;
}

const pollMs = 20;

/** Nodes that know each other's state. */
export class StateCluster {
  readonly #members: Member[] = [];
  readonly #traffic = new Traffic();
  readonly #updates = new Updates();
  readonly #keys: number;

  private constructor(keys: number) {
    this.#keys = keys;
  }

  /** Starts a node at each address, and waits until every node knows all others with their keys. */
  static async start({ addresses, keys, capMs }: StartStateTask): Promise<StateCluster> {
    const cluster = new StateCluster(keys);
    for (const [index, address] of addresses.entries()) await cluster.#startMember(index, address);
    const [seed, ...rest] = cluster.#members;
    for (const { list } of rest) await list.join([seed?.list.localNode.address ?? '']);
    const endAt = performance.now() + capMs;
    while (!cluster.#isComplete()) {
      if (performance.now() > endAt) {
        throw new Error(`the nodes did not form a cluster in ${capMs} ms`);
      }
      await wait(pollMs);
    }
    return cluster;
  }

  /** Updates one key after the other, each on the next node, and waits until every node knows all updates. */
  async update({ first, updates, everyMs, capMs }: UpdateTask): Promise<Updated> {
    const others = this.#members.length - 1;
    for (let update = first; update < first + updates; update++) {
      const value = valueText(1_000_000 + update);
      const key = keyName(Math.floor(update / this.#members.length) % this.#keys);
      this.#updates.begin(value, others);
      this.#members[update % this.#members.length]?.state.set(key, value);
      await wait(everyMs);
    }
    await this.#updates.allSeen(capMs);
    const { missing } = this.#updates;
    return { ms: this.#updates.take(), missing };
  }

  /** What this process has used and sent so far. */
  usage(): Usage {
    const { packets, packetBytes, streamBytes } = this.#traffic;
    const { user, system } = process.cpuUsage();
    const atNs = performance.now() * 1e6;
    return { cpuNs: (user + system) * 1000, atNs, packets, packetBytes, streamBytes };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ list }) => list.shutdown()));
  }

  async #startMember(index: number, address: string): Promise<void> {
    const [host = '', port] = address.split(':');
    const where = { bindAddr: host, bindPort: Number(port) };
    const url = new URL('../../src/state/index.js', import.meta.url);
    const { createState } = (await import(url.href)) as StateModule;
    const state = createState();
    const name = nodeName(index);
    const inner = new NetTransport({ ...where, bindAddr: [host] });
    const transport = new CountingTransport(inner, this.#traffic);
    const list = await Memberlist.create({ ...where, name, transport, use: [state] });
    state.on('change', (change) => {
      if (change.name !== name) this.#updates.seen(change.value);
    });
    for (let key = 0; key < this.#keys; key++) state.set(keyName(key), valueText(index));
    this.#members.push({ name, list, state });
  }

  #isComplete(): boolean {
    return this.#members.every(
      ({ list, state }) =>
        list.numMembers === this.#members.length &&
        this.#members.every(({ name }) => this.#hasAll(state, name)),
    );
  }

  #hasAll(state: State, name: string): boolean {
    for (let key = 0; key < this.#keys; key++) {
      if (state.get(name, keyName(key)) === undefined) return false;
    }
    return true;
  }
}

// Names, keys and values have the same lengths as in bench/rust/src/cluster.rs.

function nodeName(index: number): string {
  return `node-${String(index).padStart(2, '0')}`;
}

function keyName(index: number): string {
  return `key-${index}`;
}

function valueText(number: number): string {
  return `value-${String(number).padStart(14, '0')}`;
}
