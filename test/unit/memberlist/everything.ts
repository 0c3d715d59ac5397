/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A life in which everything happens that a user can hear of.
import type { Memberlist, MemberlistConfig, MemberlistEvents } from '../../../src/index.js';
import { addressOf, type Cluster, fast, until } from './cluster.js';

// Quick to suspect, slow to declare dead.
export const suspicious: MemberlistConfig = {
  ...fast,
  probeInterval: 60,
  probeTimeout: 30,
  suspicionMult: 50,
};

/** Trouble with company takes much longer; it has tests of its own. */
type EventName = Exclude<
  keyof MemberlistEvents,
  'isolated' | 'minority' | 'quorum-restored' | 'flapping'
>;
export type Handlers = Readonly<Record<EventName, () => unknown>>;

export function everyEvent(handler: (event: EventName) => unknown): Handlers {
  return {
    join: () => handler('join'),
    leave: () => handler('leave'),
    update: () => handler('update'),
    suspect: () => handler('suspect'),
    refute: () => handler('refute'),
    conflict: () => handler('conflict'),
    message: () => handler('message'),
    health: () => handler('health'),
  };
}
export const eventNames = Object.keys(everyEvent(() => undefined)) as EventName[];

/** Where a handler may be: a listener, or a method of a delegate. */
export const delegateMethods = [
  'nodeMeta',
  'notifyMsg',
  'getBroadcasts',
  'localState',
  'mergeRemoteState',
  'notifyJoin',
  'notifyLeave',
  'notifyUpdate',
  'notifyConflict',
  'notifyMerge',
  'notifyAlive',
  'ackPayload',
  'notifyPingComplete',
  'disableTcpPingsForNode',
] as const;
export type DelegateMethod = (typeof delegateMethods)[number];

/** All delegates; `called` is called by each method. */
export function allDelegates(called: (method: DelegateMethod) => void): MemberlistConfig {
  const bytes = (method: DelegateMethod) => () => {
    called(method);
    return Buffer.from(method);
  };
  const note = (method: DelegateMethod) => () => called(method);
  return {
    delegate: {
      nodeMeta: bytes('nodeMeta'),
      notifyMsg: note('notifyMsg'),
      getBroadcasts: () => {
        called('getBroadcasts');
        return [];
      },
      localState: bytes('localState'),
      mergeRemoteState: note('mergeRemoteState'),
    },
    events: {
      notifyJoin: note('notifyJoin'),
      notifyLeave: note('notifyLeave'),
      notifyUpdate: note('notifyUpdate'),
    },
    conflict: { notifyConflict: note('notifyConflict') },
    merge: { notifyMerge: note('notifyMerge') },
    alive: { notifyAlive: note('notifyAlive') },
    ping: { ackPayload: bytes('ackPayload'), notifyPingComplete: note('notifyPingComplete') },
    disableTcpPingsForNode: () => {
      called('disableTcpPingsForNode');
      return false;
    },
  };
}

/**
 * A life in which everything happens that there is an event or a delegate for, as `a` sees it. Ends
 * early once `over`.
 */
export async function everythingHappensTo(
  a: Memberlist,
  cluster: Cluster,
  over: () => boolean,
  seen: ReadonlySet<string>,
): Promise<void> {
  let meta = 'one';
  const b = await cluster.node('b', {
    ...suspicious,
    delegate: { nodeMeta: () => Buffer.from(meta), localState: () => Buffer.from('b') },
  });
  const comes = (what: string): Promise<void> => until([a, b], () => over() || seen.has(what));
  const steps: (() => unknown)[] = [
    () => b.join([addressOf(a).addr]),
    () => comes('join'),
    () => comes('notifyPingComplete'),
    () => comes('ackPayload'),
    () => {
      meta = 'two';
      return b.updateNode({ timeout: 2_000 });
    },
    () => comes('update'),
    () => b.sendReliable(a.localNode, Buffer.from('hello')),
    () => comes('message'),
    async () => {
      const transport = cluster.network.transport('x');
      const imposter = await cluster.node('b', { ...suspicious, transport });
      await imposter.join([addressOf(a).addr]);
      await comes('conflict');
      await imposter.shutdown();
    },
    () => cluster.network.partition([['a'], ['b']]),
    () => comes('health'),
    () => comes('suspect'),
    () => cluster.network.heal(),
    () => comes('refute'),
    () => b.leave({ timeout: 2_000 }),
    () => comes('leave'),
  ];
  for (const step of steps) {
    if (over()) return;
    try {
      await step();
    } catch (error) {
      if (!over()) throw error;
    }
  }
}
