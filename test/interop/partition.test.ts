/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two of our nodes and two of Go's, partitioned until both sides have reaped the other. Go's nodes never
// contact reaped members; the cluster heals because ours do. Also: a name of ours that left returns at
// another address.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { Memberlist, NetTransport, type MemberlistConfig } from '../../src/index.js';
import type { Transport, TransportHandlers } from '../../src/transport/transport.js';
import type { Address } from '../../src/wire/address.js';
import { hostOf } from '../../src/wire/source.js';
import { eventually } from './eventually.js';
import { assertNoErrors, killAll, type PeerSettings } from './peers/peer.js';
import { goNode, goVersions, titleOf, type GoVersion } from './peers/programs.js';
import { tableOf } from './peers/table-of.js';
import { scenario } from './results.js';

const REJOIN_MS = 1_000;
/** Maximum duration of a heal: two rejoin intervals in the worst case, and the propagation of the updates. */
const HEAL_MS = 20_000;

/** Members are declared dead and reaped within seconds. */
const fast = {
  gossipInterval: 50,
  pushPullInterval: 2_000,
  probeInterval: 400,
  probeTimeout: 250,
  suspicionMult: 3,
  suspicionMaxTimeoutMult: 2,
  gossipToTheDeadTime: 2_000,
  tcpTimeout: 2_000,
};

/** `NetTransport` on a network that can be cut: then only datagrams between our own nodes pass. */
class CutTransport implements Transport {
  isCut = false;
  readonly #inner: NetTransport;
  readonly #ownIps: ReadonlySet<string>;

  constructor(bindAddr: string, ownIps: readonly string[]) {
    this.#inner = new NetTransport({ bindAddr, bindPort: 7946 });
    this.#ownIps = new Set(ownIps);
  }

  start(handlers: TransportHandlers): Promise<void> {
    return this.#inner.start({
      packet: (packet, from, receivedAt) => {
        if (this.#reaches(from)) handlers.packet(packet, from, receivedAt);
      },
      stream: (connection) => {
        // No answer and no error; the transport closes it when it ends.
        if (!this.isCut) handlers.stream(connection);
      },
    });
  }

  finalAdvertiseAddr(addr: string | undefined, port: number | undefined) {
    return this.#inner.finalAdvertiseAddr(addr, port);
  }

  writeTo(packet: Buffer, to: Address): void | Promise<void> {
    if (this.#reaches(to)) return this.#inner.writeTo(packet, to);
  }

  async dial(to: Address, options: Parameters<Transport['dial']>[1]) {
    if (this.isCut) throw Object.assign(new Error('the network is cut'), { code: 'ENETUNREACH' });
    return this.#inner.dial(to, options);
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  #reaches({ addr }: Address): boolean {
    return !this.isCut || this.#ownIps.has(hostOf(addr));
  }
}

function partitionOf(version: GoVersion, subnet: string): void {
  const ownIps = [`${subnet}.1`, `${subnet}.2`];
  const transports = ownIps.map((ip) => new CutTransport(ip, ownIps));
  const settings = (host: number): PeerSettings => ({
    ...fast,
    name: `go-${host}`,
    bindAddr: `${subnet}.${host}`,
    bindPort: 7946,
  });
  const theirs = [11, 12].map((host) => goNode(version, settings(host)));
  const [first] = theirs;
  assert.ok(first !== undefined);
  const ours: Memberlist[] = [];
  const allMembers = ['go-11', 'go-12', 'ours-1', 'ours-2'];

  const create = (name: string, more: MemberlistConfig): Promise<Memberlist> =>
    Memberlist.create({ ...fast, name, rejoin: { interval: REJOIN_MS, timeout: 800 }, ...more });
  const namesOf = (list: Memberlist): string[] => list.members().map(({ name }) => name);

  async function allList(wanted: readonly string[], withinMs?: number): Promise<void> {
    for (const list of ours) {
      const isRight = (names: readonly string[]): boolean => same(names, wanted);
      await eventually(`${list.config.name} lists all`, () => namesOf(list), isRight, withinMs);
    }
    for (const peer of theirs) {
      const names = async (): Promise<string[]> => [...(await peer.members()).keys()];
      await eventually(`${peer.name} lists all`, names, (seen) => same(seen, wanted), withinMs);
    }
  }

  before(async () => {
    await Promise.all(theirs.map((peer) => peer.start()));
    for (const [i, transport] of transports.entries()) {
      ours.push(await create(`ours-${i + 1}`, { transport }));
    }
  });
  after(async () => {
    await Promise.all([...ours.map((list) => list.shutdown()), killAll(theirs)]);
  });

  scenario(
    titleOf(version),
    'a partition until both sides have reaped each other: ours reconnect',
    async () => {
      const [one, two] = ours as [Memberlist, Memberlist];
      await one.join([first.address]);
      await two.join([one.localNode.address]);
      await theirs[1]?.join(first);
      await allList(allMembers);

      for (const transport of transports) transport.isCut = true;
      for (const list of ours) {
        const known = (): string[] => allMembers.filter((name) => list.member(name) !== undefined);
        await eventually('ours have reaped Go', known, (names) =>
          same(names, ['ours-1', 'ours-2']),
        );
      }
      for (const peer of theirs) {
        const known = async (): Promise<string[]> => [...(await tableOf(peer)).keys()];
        await eventually('Go has reaped ours', known, (names) => same(names, ['go-11', 'go-12']));
      }

      for (const transport of transports) transport.isCut = false;
      await allList(allMembers, HEAL_MS);
    },
  );

  scenario(titleOf(version), 'a name that left returns at another address', async () => {
    const two = ours.pop() as Memberlist;
    await two.leave();
    await two.shutdown();
    await allList(['go-11', 'go-12', 'ours-1']);
    const moved = await create('ours-2', { bindAddr: `${subnet}.3`, bindPort: 7946 });
    ours.push(moved);
    await moved.join([first.address]);
    await allList(allMembers);
    for (const peer of theirs) {
      const seen = (await peer.members()).get('ours-2')?.address;
      assert.equal(seen, `${subnet}.3:7946`, `as ${peer.name} sees it`);
      assert.ok(peer.events.every(({ event }) => event !== 'conflict'));
    }
  });

  scenario(titleOf(version), 'Go logs errors only about nodes behind the partition', () => {
    const cutOff = [...ownIps, 'ours-1', 'ours-2'].join('|').replaceAll('.', '\\.');
    assertNoErrors(theirs, [new RegExp(cutOff)]);
  });
}

function same(names: readonly string[], wanted: readonly string[]): boolean {
  return [...names].sort().join() === [...wanted].sort().join();
}

describe('a partition between ours and theirs', { concurrency: 2, timeout: 240_000 }, () => {
  for (const [v, version] of goVersions.entries()) {
    // In sequence within a version: the second scenario begins where the first ended.
    describe(titleOf(version), { concurrency: 1 }, () => partitionOf(version, `127.${120 + v}.0`));
  }
});
