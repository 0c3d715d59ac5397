/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What must hold of rings and shares, whatever goes wrong.

import type { MembershipEvent } from '../../../src/index.js';
import { createRing, share, type Ring, type RingKey, type Share } from '../../../src/ring/index.js';
import {
  candidatesOf,
  Changes,
  isStalled,
  ownersByDefinition,
  type WeightOf,
} from './candidates.js';
import type { RingPlan, RingWorld } from './ring-plan.js';
import type { Life } from './stage.js';
import type { PartWatch } from './toolkit.js';
import { Violation } from './violation.js';

const keys = ['a', 'user:1', 'user:2', 'grüße', '0'];
const total = 1_000;

interface Watched {
  readonly life: Life;
  readonly ring: Ring;
  readonly share: Share;
  readonly changes: Changes;
  /** The watched keys that this node holds, by the events. */
  readonly held: Set<RingKey>;
  /** Since when the ring is not settled, by the clock of the node. */
  unsettledSince: number;
  /** Looks until the next one that checks, if nothing happens before. */
  looksLeft: number;
}

/** Long scenarios have tens of thousands of looks at which nothing has changed. */
const looksApart = 10;

/** Watches the rings of one run. */
export class RingWatch implements PartWatch {
  readonly #plan: RingPlan;
  readonly #world: RingWorld;
  readonly #watched = new Map<string, Watched>();
  readonly #weightOf: WeightOf;
  /** What rings answered, by view. */
  readonly #answers = new Map<string, string>();

  constructor(plan: RingPlan, world: RingWorld) {
    this.#plan = plan;
    this.#world = world;
    this.#weightOf = plan.readsMeta ? weightByMeta : () => 1;
  }

  started(life: Life): void {
    const { settle, replicas, readsMeta } = this.#plan;
    const options = readsMeta
      ? { filter: passes, weight: ({ meta }: { meta: Buffer }) => 1 + (meta.length % 3) }
      : {};
    const ring = createRing(life.list, { settle, replicas, ...options });
    const limit = share(life.list, { settle, total, ...options });
    const changes = new Changes(life, this.#weightOf);
    const held = new Set(ring.watch(keys).held);
    const watched = {
      life,
      ring,
      share: limit,
      changes,
      held,
      unsettledSince: changes.now,
      looksLeft: 0,
    };
    this.#watched.set(life.key, watched);
    ring.on('view', () => this.#viewChanged(watched));
    ring.on('moved', ({ gained, lost }) => {
      for (const key of gained) if (!held.has(key)) held.add(key);
      for (const key of lost) held.delete(key);
    });
    this.#checkAnswers(watched);
  }

  emitted(key: string, event: MembershipEvent): void {
    const watched = this.#watched.get(key);
    if (watched === undefined || !('node' in event)) return;
    watched.changes.event(event.node, this.#plan.settle);
    watched.looksLeft = 0;
  }

  look(): void {
    for (const { key } of this.#world.running()) {
      const watched = this.#watched.get(key);
      if (watched === undefined || (watched.ring.isSettled && watched.looksLeft-- > 0)) continue;
      watched.looksLeft = looksApart;
      this.#look(watched);
    }
  }

  async agreed(): Promise<void> {
    await this.#world.run(6 * this.#plan.settle);
    const members = this.#world.running().filter(({ list }) => list.state === 'running');
    const all = members.flatMap(({ key }) => this.#watched.get(key) ?? []);
    const views = new Set(all.map(({ ring }) => ring.view));
    if (views.size > 1) {
      const texts = all.map(({ life, ring }) => `${life.key}: ${ring.view} ${textOf(ring)}`);
      this.#fail('in the end all rings have one view', texts.join('\n  '));
    }
    const sum = all.reduce((parts, { share: { value } }) => parts + value, 0);
    const isAnybody = all.some(({ ring }) => ring.members.length > 0);
    if (sum !== (isAnybody ? total : 0)) {
      this.#fail('in the end all shares add up to the total', `${sum}`);
    }
  }

  #viewChanged(watched: Watched): void {
    const { life, changes, ring } = watched;
    if (!changes.isSettled(this.#plan.settle)) {
      this.#fail('a view changes only after settle', `${life.key} at ${this.#world.now()}`);
    }
    this.#checkMembers(watched);
    this.#checkAnswers(watched);
    if (!ring.isSettled) this.#fail('a view changes only after settle', `${life.key}: not settled`);
  }

  #look(watched: Watched): void {
    const { life, ring, held, changes } = watched;
    if (ring.isSettled) this.#checkMembers(watched);
    if (ring.isSettled || isStalled(life)) watched.unsettledSince = changes.now;
    else {
      // The node's own metadata changes without an event.
      const waitedMs = Math.min(changes.quietMs, changes.now - watched.unsettledSince);
      if (waitedMs > this.#plan.settle + 2 * this.#lookMs) {
        this.#fail('a ring settles', `${life.key} at ${this.#world.now()}`);
      }
    }
    const mine = keys.filter((key) => ring.isMine(key));
    if (mine.length === held.size && mine.every((key) => held.has(key))) return;
    this.#fail(
      'keys that move are reported',
      `${life.key}: ${[...held].join()} not ${mine.join()}`,
    );
  }

  get #lookMs(): number {
    return this.#world.scenario.settings.probeInterval;
  }

  #checkMembers({ life, ring }: Watched): void {
    if (life.list.state !== 'running') return;
    const found = candidatesOf(life, this.#weightOf).map(asMember);
    if (textOf(ring) === textOf({ members: found })) return;
    const what = `${life.key} at ${this.#world.now()}: ${textOf(ring)} not ${textOf({ members: found })}`;
    this.#fail('a settled ring has the members of the table', what);
  }

  #checkAnswers({ life, ring }: Watched): void {
    const { replicas } = this.#plan;
    const answers = keys
      .map((key) => `${key} ${ring.owner(key)}: ${ring.owners(key).join(' ')}`)
      .join(', ');
    const known = this.#answers.get(ring.view);
    this.#answers.set(ring.view, known ?? answers);
    if (known !== undefined && known !== answers) {
      this.#fail('equal views give equal answers', `${life.key}: ${answers} not ${known}`);
    }
    if (known !== undefined) return;
    const pairs = ring.members.map(({ name, weight }) => [name, weight] as const);
    for (const key of keys) {
      const order = ownersByDefinition(pairs, key);
      const isRight = ring.owner(key) === order[0];
      if (isRight && ring.owners(key).join(' ') === order.slice(0, replicas).join(' ')) continue;
      const what = `${life.key}: ${ring.owners(key).join(' ')} not ${order.join(' ')}`;
      this.#fail('the highest weighted score owns a key', what);
    }
  }

  #fail(rule: string, detail: string): void {
    this.#world.fail(new Violation(rule, detail));
  }
}

/** About a fifth of the possible metadata excludes a member. */
function passes({ meta }: { meta: Buffer }): boolean {
  return meta.length % 5 !== 4;
}

function weightByMeta(member: { meta: Buffer }): number | undefined {
  return passes(member) ? 1 + (member.meta.length % 3) : undefined;
}

function asMember([name, weight]: [string, number]): { name: string; weight: number } {
  return { name, weight };
}

function textOf({ members }: Pick<Ring, 'members'>): string {
  return members.map(({ name, weight }) => `${name}×${weight}`).join(' ');
}
