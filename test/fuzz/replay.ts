/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Replays items of a finding or of the corpus against a new pair of nodes in memory.
import { Cluster } from './cluster.js';
import { addTo } from './coverage.js';
import { examinePacket, examineStream, type Examination } from './examine.js';
import { Found, type Finding } from './finding.js';
import { FailureWatch, Guard } from './guard.js';
import type { Item, ItemFile } from './item-file.js';
import { layersOf, type Lane } from './lane.js';
import { MemoryAttack } from './memory-attack.js';
import { Supply } from './supply.js';

/** The result of a replay. */
export interface ReplayOutcome {
  /** The marks of each item. */
  readonly marks: readonly (readonly string[])[];
  /** The node's drops, effects and answers, with their numbers. */
  readonly counts: ReadonlyMap<string, number>;
  /** The finding, if any. */
  readonly finding: Finding | undefined;
}

/** The marks of an item in nodes of this lane. */
export function examine(item: Item, lane: Lane): Examination {
  const layers = layersOf(lane);
  return Buffer.isBuffer(item)
    ? examinePacket(item, layers)
    : examineStream(Buffer.concat(item.pieces), layers);
}

/** Replays the items one after the other, until a finding. */
export async function replay({
  lane,
  items,
}: Pick<ItemFile, 'lane' | 'items'>): Promise<ReplayOutcome> {
  const marks: (readonly string[])[] = [];
  let finding: Finding | undefined;
  using watch = new FailureWatch();
  await using cluster = await Cluster.start(lane, 'memory');
  const guard = new Guard(cluster, watch);
  const attack = new MemoryAttack({ cluster, guard, supply: new Supply(cluster, 'replay') });
  try {
    for (const item of items) {
      marks.push(examined(item, lane));
      if (Buffer.isBuffer(item)) attack.packet(item);
      else await attack.stream(item);
      guard.check([item]);
    }
    await attack.settle();
    guard.check(items);
  } catch (error) {
    if (!(error instanceof Found)) throw error;
    ({ finding } = error);
  }
  const counts = await cluster.counted();
  addTo(counts, cluster.taken);
  return { marks, counts, finding };
}

/** The finding with the one item that causes it alone, if there is one. */
export async function narrowed(finding: Finding): Promise<Finding> {
  if (finding.items.length < 2) return finding;
  for (const item of [...finding.items].reverse()) {
    const outcome = await replay({ lane: finding.lane, items: [item] });
    if (outcome.finding?.kind === finding.kind) return { ...finding, items: [item] };
  }
  return finding;
}

function examined(item: Item, lane: Lane): readonly string[] {
  try {
    return examine(item, lane).marks;
  } catch (error) {
    throw new Found({ kind: 'a throw', detail: String(error), lane, items: [item] });
  }
}
