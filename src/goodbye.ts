/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A leave is a claim about a name, and where two nodes have one name it would be about the other as well: all would
// take that one for gone. So a node whose name another one has, that answers, leaves without a word.
import type { LifeHooks } from './config/life-hooks.js';
import type { Engine } from './core/engine.js';
import type { Report } from './core/reports.js';
import type { Guard } from './runtime/guard.js';

/** What a leave needs of the node. */
export interface Leaver {
  readonly engine: Engine;
  readonly guard: Guard;
  readonly hooks: LifeHooks | undefined;
  readonly report: (report: Report) => void;
  readonly isDown: () => boolean;
}

/**
 * Tells the others that we leave; `done` once that was gossiped. Where another living node has our name nobody is
 * told, and `done` is called as soon as that is known.
 */
export function sayGoodbye(
  { engine, guard, hooks, report, isDown }: Leaver,
  done: () => void,
): void {
  engine.findNamesake((address) => {
    if (isDown()) return;
    if (address !== undefined) {
      report({ code: 'leave-withheld', peer: engine.self.name, address });
      engine.self.leaving = true;
      done();
    } else if (hooks === undefined) engine.leave(done);
    else {
      guard.whenSettled(hooks.leaving(), () => {
        if (!isDown()) engine.leave(done);
      });
    }
  });
}
