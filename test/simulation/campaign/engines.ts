/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The engines inside the nodes, for what a Memberlist tells nobody: acks that are waited for,
// suspicions, the depth of the queue. The library has no way in for them, and needs none: engines are
// noted here as they start.

import { Engine } from '../../../src/core/engine.js';
import type { Memberlist } from '../../../src/index.js';

const unclaimed = new Set<Engine>();
const engines = new WeakMap<Memberlist, Engine>();

// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called on the engine below
const { start } = Engine.prototype;
Engine.prototype.start = function (this: Engine, meta): void {
  unclaimed.add(this);
  start.call(this, meta);
};

/** The engine of a Memberlist. Asked for soon after its start, and then at any time. */
export function engineOf(list: Memberlist): Engine {
  const known = engines.get(list);
  if (known) return known;
  // Both give the same snapshot of the local node.
  const engine = [...unclaimed].find(({ local }) => local.snapshot() === list.localNode);
  if (!engine) throw new Error(`the engine of ${list.config.name} is not known`);
  unclaimed.delete(engine);
  engines.set(list, engine);
  return engine;
}
