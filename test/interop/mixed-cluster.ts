/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cluster of serf agents and our nodes: traffic among all members, and a check that their member lists did
// not change.
import assert from 'node:assert/strict';
import msgpack from 'msgpack-lite';
import type { Memberlist, MemberlistConfig } from '../../src/index.js';
import { eventually } from './eventually.js';
import type { SerfAgent } from './serf-agent.js';

/** Serf requires that the delegate versions of all members overlap with its own (2 to 5). */
export const SERF_VERSIONS = {
  delegateProtocolMin: 2,
  delegateProtocolMax: 5,
  delegateProtocolVersion: 4,
} satisfies MemberlistConfig;

const SPREAD_MS = 10_000;
/** Maximum number of times that an event is sent. */
const MAX_SENDS = 4;
const USER_EVENT = 3;

/** A message that serf accepts as one of its own events. */
export function serfEvent(name: string): Buffer {
  const body = msgpack.encode({ LTime: 1, Name: name, Payload: '', CC: false });
  return Buffer.concat([Buffer.of(USER_EVENT), body]);
}

/** Agents and nodes that form one cluster. */
export class MixedCluster {
  readonly serfs: readonly SerfAgent[];
  readonly ours: readonly Memberlist[];
  readonly #changes: string[] = [];
  readonly #messages = new Map<Memberlist, string[]>();

  constructor(serfs: readonly SerfAgent[], ours: readonly Memberlist[]) {
    this.serfs = serfs;
    this.ours = ours;
    for (const list of ours) this.#listen(list);
  }

  /** All members as `name at address`, sorted. */
  get allMembers(): readonly string[] {
    const nodes = this.ours.map(({ localNode }) => localNode);
    return [...this.serfs, ...nodes].map(({ name, address }) => `${name} at ${address}`).sort();
  }

  /** Waits until every member lists all members. */
  async isWhole(): Promise<void> {
    const { allMembers } = this;
    const listAll = (seen: readonly string[]): boolean => seen.join() === allMembers.join();
    for (const list of this.ours) {
      await eventually(`${list.localNode.name} lists all`, () => listed(list), listAll, SPREAD_MS);
    }
    for (const agent of this.serfs) {
      await eventually(`${agent.name} lists all`, () => listedBy(agent), listAll, SPREAD_MS);
    }
  }

  /**
   * Checks that every member lists all members, and that none was ever reported as gone or changed.
   *
   * @throws AssertionError otherwise
   */
  async mustBeUnchanged(): Promise<void> {
    assert.deepEqual(this.#changes, []);
    for (const list of this.ours) assert.deepEqual(listed(list), this.allMembers);
    for (const agent of this.serfs) {
      assert.deepEqual(await listedBy(agent), this.allMembers);
      assert.doesNotMatch(agent.log, /EventMember(Failed|Leave|Update|Reap)|conflict/);
    }
  }

  /**
   * Sends messages between all members: serf's own events, and pings, packets and streams of our nodes.
   *
   * @param tag - a word that was not used before
   * @throws when one of them does not arrive
   */
  async exchange(tag: string): Promise<void> {
    for (const agent of this.serfs) {
      await agent.command('event', `${agent.name}-${tag}`);
      for (const list of this.ours) await this.#receives(list, agent, `${agent.name}-${tag}`);
    }
    for (const list of this.ours) {
      const { name } = list.localNode;
      const others = list.members().filter((member) => member.name !== name);
      for (const other of others) {
        await list.ping(other.name, other.address);
        // Serf relays events; only the receiver of this one knows it.
        await list.sendBestEffort(other, serfEvent(`packet-${name}-${other.name}-${tag}`));
        await list.sendReliable(other, serfEvent(`stream-${name}-${other.name}-${tag}`));
      }
      for (const way of ['packet', 'stream']) {
        for (const to of this.serfs) await serfGets(to, `${way}-${name}-${to.name}-${tag}`);
        for (const to of this.ours.filter((other) => other !== list)) {
          await this.#get(to, `${way}-${name}-${to.localNode.name}-${tag}`);
        }
      }
    }
  }

  /** Whether any member received a message that contains this text. */
  hasReceived(wanted: string): boolean {
    const received = [...this.#messages.values()].flat();
    return [...received, ...this.serfs.map(({ log }) => log)].some((text) => text.includes(wanted));
  }

  #listen(list: Memberlist): void {
    const { name } = list.localNode;
    const received: string[] = [];
    this.#messages.set(list, received);
    list.on('message', (payload) => received.push(payload.toString('latin1')));
    list.on('leave', (node, reason) => this.#changes.push(`${name}: ${node.name} ${reason}`));
    list.on('update', (node) => this.#changes.push(`${name}: ${node.name} updated`));
    list.on('conflict', (node) => this.#changes.push(`${name}: ${node.name} in conflict`));
  }

  /**
   * Serf sends an event four times in total, with gossip and with acks, to random members; of four members
   * one may be left out, and serf does not send the event again. Then this method sends it again.
   */
  async #receives(list: Memberlist, agent: SerfAgent, event: string): Promise<void> {
    for (let sent = 1; sent < MAX_SENDS; sent++) {
      try {
        await this.#get(list, event, SPREAD_MS / MAX_SENDS);
        return;
      } catch {
        await agent.command('event', event);
      }
    }
    await this.#get(list, event);
  }

  async #get(list: Memberlist, text: string, withinMs = SPREAD_MS): Promise<void> {
    await eventually(
      `${list.localNode.name} gets '${text}'`,
      () => this.#messages.get(list) ?? [],
      (received) => received.some((message) => message.includes(text)),
      withinMs,
    );
  }
}

function listed(list: Memberlist): string[] {
  return list
    .members()
    .map(({ name, address }) => `${name} at ${address}`)
    .sort();
}

/** The members that the agent reports as alive. */
async function listedBy(agent: SerfAgent): Promise<string[]> {
  const members = [...(await agent.members()).values()];
  const alive = members.filter(({ status }) => status === 'alive');
  return alive.map(({ name, addr }) => `${name} at ${addr}`).sort();
}

async function serfGets(agent: SerfAgent, event: string): Promise<void> {
  await eventually(
    `${agent.name} gets '${event}'`,
    () => agent.log.includes(`messageUserEventType: ${event}\n`),
    (got) => got,
    SPREAD_MS,
  );
}
