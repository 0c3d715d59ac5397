/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What agreement is, how long it may take, and which nodes cannot agree.

import type { Engine } from '../../../src/core/engine.js';
import type { Memberlist } from '../../../src/index.js';
import type { Settings } from './scenario.js';
import type { Stage } from './stage.js';
import { Violation } from './violation.js';

/**
 * How long agreement may take: probes find dead members (one pass of the list, slowed down by bad
 * health), suspicions time out, dead members are removed, and a few push/pulls reach all nodes.
 */
export function agreementMs(settings: Settings, n: number): number {
  const { probeInterval, suspicionMult, pushPullInterval, gossipToTheDeadTime } = settings;
  const pass = 2 * n * probeInterval + 8 * 8 * probeInterval;
  const suspicion = 6 * suspicionMult * Math.max(1, Math.log10(n)) * probeInterval;
  const pushPulls = 6 * pushPullInterval * (n > 32 ? 2 : 1);
  return 2 * (pass + suspicion) + gossipToTheDeadTime + pushPulls;
}

/** How long it may take after agreement until dead members are removed: at most two more passes. */
export function forgettingMs(settings: Settings, n: number): number {
  const { probeInterval, gossipToTheDeadTime, tcpTimeout } = settings;
  return gossipToTheDeadTime + 3 * n * probeInterval + 2 * tcpTimeout;
}

/**
 * The shortest timeout of a suspicion: Lifeguard, section IV-B, as in section 4.1 of behaviour.md. Implemented a
 * second time, so that a mistake in the library is not repeated here.
 */
export function suspicionMs(settings: Settings, members: number, confirmations: number): number {
  const { suspicionMult, probeInterval } = settings;
  const min = suspicionMult * Math.max(1, Math.log10(members)) * probeInterval;
  const wanted = members - 2 < suspicionMult - 2 ? 0 : suspicionMult - 2;
  if (wanted === 0) return min;
  const max = 6 * min;
  const share = Math.log(confirmations + 1) / Math.log(wanted + 1);
  return Math.max(min, Math.floor(max - (max - min) * share));
}

/**
 * The number of members with which a node computes a suspicion timeout: all members of its table in any state, the
 * node included; while forged members outnumber verified ones, the verified ones and the node.
 */
export function countedMembers({ table, verified }: Engine): number {
  return verified.isOutnumbered ? verified.size + 1 : table.size;
}

/** Whether all running nodes list exactly the running nodes as alive. Forged members may still be listed. */
export function listsAreRight(stage: Stage): boolean {
  const lives = stage.running();
  const names = new Set(lives.map(({ list }) => list.config.name));
  return lives.every(({ engine: { table } }) => {
    let listed = 0;
    for (const { name, state, isGone } of table) {
      if (isGone || stage.forged.has(name)) continue;
      if (state !== 'alive' || !names.has(name)) return false;
      listed++;
    }
    return listed === names.size;
  });
}

/** A forged member that a node lists as alive or suspect; undefined when there is none. */
export function deceived(stage: Stage): string | undefined {
  if (stage.forged.size === 0) return undefined;
  for (const { key, engine } of stage.running()) {
    for (const { name, isGone } of engine.table) {
      if (!isGone && stage.forged.has(name)) return `${key} lists ${name}, which was forged`;
    }
  }
  return undefined;
}

/** A member in the table of a running node that does not run itself; undefined when there is none. */
export function remembered(stage: Stage): string | undefined {
  const lives = stage.running();
  const names = new Set(lives.map(({ list }) => list.config.name));
  for (const { key, engine } of lives) {
    for (const { name, state } of engine.table) {
      if (!names.has(name)) return `${key} holds ${name} as ${state}`;
    }
  }
  return undefined;
}

/** A difference between a node's view of a member and what that member announces itself. */
export function difference(stage: Stage): Violation | undefined {
  const lives = stage.running();
  for (const { key, list: subject } of lives) {
    const { name, meta, incarnation, address } = subject.localNode;
    const wanted = stage.metas.get(key) ?? '';
    if (meta.toString() !== wanted) {
      return new Violation('metadata is what the user set', `${key}: ${meta.toString()}`);
    }
    for (const { list: observer } of lives) {
      const seen = observer.member(name);
      if (seen === undefined) return disagreement(observer, subject);
      if (seen.incarnation === incarnation && seen.meta.equals(meta) && seen.address === address)
        continue;
      return disagreement(observer, subject);
    }
  }
  return undefined;
}

function disagreement(observer: Memberlist, subject: Memberlist): Violation {
  const { name, incarnation, address } = subject.localNode;
  const seen = observer.member(name);
  const theirs = seen ? `${seen.state} ${seen.incarnation} at ${seen.address}` : 'unknown';
  const detail = `${observer.config.name} holds ${name} as ${theirs}, it is ${incarnation} at ${address}`;
  return seen !== undefined && seen.incarnation > incarnation && seen.address === address
    ? new Violation('no higher incarnation than the own one remains', detail)
    : new Violation('all nodes agree in bounded time', detail);
}

/**
 * Groups of nodes who know nothing of each other, not even that they are dead: no way leads from one
 * to another any more.
 */
export function islands(stage: Stage): string[][] {
  const lives = new Map(stage.running().map((life) => [life.key, life.list]));
  const found: string[][] = [];
  const seen = new Set<string>();
  const knows = (a: Memberlist, b: Memberlist): boolean => a.member(b.config.name) !== undefined;
  for (const start of lives.keys()) {
    if (seen.has(start)) continue;
    const island = [start];
    seen.add(start);
    for (const one of island) {
      const list = lives.get(one) as Memberlist;
      for (const [other, otherList] of lives) {
        if (seen.has(other) || !(knows(list, otherList) || knows(otherList, list))) continue;
        seen.add(other);
        island.push(other);
      }
    }
    found.push(island);
  }
  return found;
}
