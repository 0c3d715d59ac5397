/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The state that the page shows: the member table, and the heartbeat.
import type { Registry } from 'prom-client';
import type { MemberState, Node } from '../../core/member.js';
import { printable } from '../../wire/printable.js';
import { showMeta } from '../show-meta.js';
import { version } from '../version.js';
import { nextTurn } from './cached.js';
import { pageLimits } from './limits.js';
import type { MembersMessage, ProbesMessage, ShownMember, StatusMessage } from './messages.js';
import { shownName, type PageSource, type Watch } from './watch.js';

const packageVersion = version();

/** Metadata has at most 512 bytes, which are twice as many characters in hexadecimal. */
const META_CHARACTERS = 1_030;

interface Components {
  readonly list: PageSource;
  readonly watch: Watch;
}

/** All members of the table, unordered. */
export function allShown({ list, watch }: Components): Node[] {
  const all = [...list.members(), ...watch.departed(Date.now())];
  if (list.localNode.state === 'left') all.push(list.localNode);
  return all;
}

/** The table of these members, created in slices; the state of the watch may change in between. */
export async function membersMessage(
  all: readonly Node[],
  { list, watch }: Components,
): Promise<MembersMessage> {
  const self = list.localNode.name;
  const rankOf = (node: Node): number =>
    watch.failures(node.name) !== undefined || node.name === self ? 2 : stateRank[node.state];
  const first = await firstOf(all, rankOf);
  const members: ShownMember[] = [];
  for (const [i, node] of first.entries()) {
    if (i > 0 && i % pageLimits.membersPerTurn === 0) await nextTurn();
    members.push(shown(node, watch, self));
  }
  return { members, notShown: all.length - members.length };
}

const stateRank: Readonly<Record<MemberState, number>> = { dead: 0, suspect: 1, alive: 3, left: 4 };

function shown(node: Node, watch: Watch, self: string): ShownMember {
  const { name, address, state, incarnation, meta } = node;
  const since = watch.since(node);
  const failures = watch.failures(name);
  return {
    name: shownName(name),
    address,
    state,
    incarnation,
    meta: printable(showMeta(meta), META_CHARACTERS),
    isSelf: name === self,
    ...(since !== undefined && { since }),
    ...(failures !== undefined && { failures }),
  };
}

interface StatusInit {
  readonly registry: Registry;
  readonly uptimeMs: number;
  readonly probes: ProbesMessage;
}

/** The heartbeat. */
export async function statusMessage(
  { list, watch }: Components,
  { registry, uptimeMs, probes }: StatusInit,
): Promise<StatusMessage> {
  const now = Date.now();
  const { localNode, healthScore } = list;
  const [counts, queue, inbox, packetsIn, packetsOut, drops] = await Promise.all([
    countsOf(registry),
    totalOf(registry, 'memberlist_broadcast_queue_depth'),
    totalOf(registry, 'memberlist_inbox_depth'),
    totalOf(registry, 'memberlist_packets_received_total'),
    totalOf(registry, 'memberlist_packets_sent_total'),
    dropsOf(registry),
  ]);
  const departed = watch.departed(now);
  const dead = departed.filter(({ state }) => state === 'dead').length;
  return {
    at: now,
    name: shownName(localNode.name),
    address: localNode.address,
    version: packageVersion,
    label: printable(list.config.label),
    encryption: encryptionOf(list),
    uptimeMs: Math.round(uptimeMs),
    healthScore,
    isLeaving: localNode.state === 'left',
    counts: { ...counts, dead, left: departed.length - dead, flapping: watch.countFlapping(now) },
    numbers: { queue: queue + inbox, packets: packetsIn + packetsOut },
    drops,
    suspicions: watch.suspicions(now),
    probes,
  };
}

/** The encryption of the traffic, as text. */
export function encryptionOf({ keyring, config }: Pick<PageSource, 'keyring' | 'config'>): string {
  if (keyring === undefined) return 'off';
  const keys = keyring.keys().length;
  const parts = [
    `AES-${keyring.primaryKey.length * 8}-GCM, ${keys} ${keys === 1 ? 'key' : 'keys'}`,
  ];
  if (!config.gossipVerifyOutgoing) parts.push('sends plaintext');
  if (!config.gossipVerifyIncoming) parts.push('accepts plaintext');
  return parts.join(', ');
}

type Values = readonly { readonly labels: object; readonly value: number }[];

async function valuesOf(registry: Registry, name: string): Promise<Values> {
  return (await registry.getSingleMetric(name)?.get())?.values ?? [];
}

async function totalOf(registry: Registry, name: string): Promise<number> {
  return (await valuesOf(registry, name)).reduce((sum, { value }) => sum + value, 0);
}

async function countsOf(registry: Registry): Promise<Record<MemberState, number>> {
  const counts = { alive: 0, suspect: 0, dead: 0, left: 0 };
  for (const { labels, value } of await valuesOf(registry, 'memberlist_members')) {
    counts[(labels as { state: MemberState }).state] = value;
  }
  return counts;
}

/** The most frequent reason first. */
async function dropsOf(registry: Registry): Promise<[string, number][]> {
  const drops: [string, number][] = [];
  for (const { labels, value } of await valuesOf(registry, 'memberlist_drops_total')) {
    if (value > 0) drops.push([(labels as { reason: string }).reason, value]);
  }
  return drops.sort(([, a], [, b]) => b - a);
}

/** The first members by rank and name, without sorting all of them in one turn. */
async function firstOf(nodes: readonly Node[], rankOf: (node: Node) => number): Promise<Node[]> {
  const max = pageLimits.membersShown;
  const byRank = (a: Node, b: Node): number => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1);
  let first: Node[] = [];
  for (let from = 0; from < nodes.length; from += max) {
    if (from > 0) await nextTurn();
    first = [...first, ...nodes.slice(from, from + max)].sort(byRank).slice(0, max);
  }
  return first;
}
