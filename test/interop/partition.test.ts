/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two of ours and two of Go's, cut apart until either side has forgotten the other. Go's never call whom they
// forgot; they are one cluster again because ours do. And a name of ours that left comes back at another address.
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
/** All that a heal may take: two intervals of rejoin in the worst case, and the news. */
const HEAL_MS = 20_000;

/** Failures are found and forgotten within seconds. */
const hasty = {
  gossipInterval: 50,
  pushPullInterval: 2_000,
  probeInterval: 400,
  probeTimeout: 250,
  suspicionMult: 3,
  suspicionMaxTimeoutMult: 2,
  gossipToTheDeadTime: 2_000,
  tcpTimeout: 2_000,
};

/** `NetTransport` on a network that can be cut: then nothing comes or goes but datagrams among friends. */
class CutTransport implements Transport {
  isCut = false;
  readonly #inner: NetTransport;
  readonly #friends: ReadonlySet<string>;

  constructor(bindAddr: string, friends: readonly string[]) {
    this.#inner = new NetTransport({ bindAddr, bindPort: 7946 });
    this.#friends = new Set(friends);
  }

  start(handlers: TransportHandlers): Promise<void> {
    return this.#inner.start({
      packet: (packet, from, receivedAt) => {
        if (this.#reaches(from)) handlers.packet(packet, from, receivedAt);
      },
      stream: (connection) => {
        // Nobody answers, and nobody says so; the transport closes it when it ends.
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
    return !this.isCut || this.#friends.has(hostOf(addr));
  }
}

function partitionOf(version: GoVersion, subnet: string): void {
  const friends = [`${subnet}.1`, `${subnet}.2`];
  const transports = friends.map((ip) => new CutTransport(ip, friends));
  const settings = (host: number): PeerSettings => ({
    ...hasty,
    name: `go-${host}`,
    bindAddr: `${subnet}.${host}`,
    bindPort: 7946,
  });
  const theirs = [11, 12].map((host) => goNode(version, settings(host)));
  const [first] = theirs;
  assert.ok(first !== undefined);
  const ours: Memberlist[] = [];
  const everybody = ['go-11', 'go-12', 'ours-1', 'ours-2'];

  const create = (name: string, more: MemberlistConfig): Promise<Memberlist> =>
    Memberlist.create({ ...hasty, name, rejoin: { interval: REJOIN_MS, timeout: 800 }, ...more });
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

  scenario(titleOf(version), 'a partition until both sides have forgotten: ours call', async () => {
    const [one, two] = ours as [Memberlist, Memberlist];
    await one.join([first.address]);
    await two.join([one.localNode.address]);
    await theirs[1]?.join(first);
    await allList(everybody);

    for (const transport of transports) transport.isCut = true;
    for (const list of ours) {
      const known = (): string[] => everybody.filter((name) => list.member(name) !== undefined);
      await eventually('ours have forgotten', known, (names) => same(names, ['ours-1', 'ours-2']));
    }
    for (const peer of theirs) {
      const known = async (): Promise<string[]> => [...(await tableOf(peer)).keys()];
      await eventually('Go has forgotten', known, (names) => same(names, ['go-11', 'go-12']));
    }

    for (const transport of transports) transport.isCut = false;
    await allList(everybody, HEAL_MS);
  });

  scenario(titleOf(version), 'a name that left comes back at another address', async () => {
    const two = ours.pop() as Memberlist;
    await two.leave();
    await two.shutdown();
    await allList(['go-11', 'go-12', 'ours-1']);
    const moved = await create('ours-2', { bindAddr: `${subnet}.3`, bindPort: 7946 });
    ours.push(moved);
    await moved.join([first.address]);
    await allList(everybody);
    for (const peer of theirs) {
      const seen = (await peer.members()).get('ours-2')?.address;
      assert.equal(seen, `${subnet}.3:7946`, `as ${peer.name} sees it`);
      assert.ok(peer.events.every(({ event }) => event !== 'conflict'));
    }
  });

  scenario(titleOf(version), 'Go complains of nothing but those who were cut off', () => {
    const cutOff = [...friends, 'ours-1', 'ours-2'].join('|').replaceAll('.', '\\.');
    assertNoErrors(theirs, [new RegExp(cutOff)]);
  });
}

function same(names: readonly string[], wanted: readonly string[]): boolean {
  return [...names].sort().join() === [...wanted].sort().join();
}

describe('a partition between ours and theirs', { concurrency: 2, timeout: 240_000 }, () => {
  for (const [v, version] of goVersions.entries()) {
    // One after the other within a version: the second begins where the first ended.
    describe(titleOf(version), { concurrency: 1 }, () => partitionOf(version, `127.${120 + v}.0`));
  }
});
