/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What watches a run besides its events, and how each sees the run.

import { ExtensionWatch } from './extension-watch.js';
import type { Scenario } from './scenario.js';
import type { Life } from './stage.js';
import { Toolkit } from './toolkit.js';

/** A run, as those who watch it see it. */
export interface Watchable {
  readonly now: number;
  fail(error: Error): void;
  lifeOf(key: string): Life | undefined;
  running(): readonly Life[];
  namesAt(address: string): ReadonlySet<string>;
  leaves(name: string, incarnation: number): void;
  letPass(ms: number): Promise<void>;
  later(ms: number, callback: () => void): void;
}

/** Those who watch. */
export interface Watches {
  readonly extensions: ExtensionWatch;
  readonly toolkit: Toolkit;
}

/** @param run - undefined until all nodes have started */
export function watchesOf(scenario: Scenario, run: () => Watchable | undefined): Watches {
  const common = {
    now: () => run()?.now ?? 0,
    fail: (error: Error) => run()?.fail(error),
    running: () => run()?.running() ?? [],
  };
  const extensions = new ExtensionWatch(scenario, {
    ...common,
    life: (key) => run()?.lifeOf(key),
    namesAt: (address) => run()?.namesAt(address) ?? new Set(),
    leaves: (name, incarnation) => run()?.leaves(name, incarnation),
    mayReceive: (detail, address) => toolkit.mayReceive(detail, address),
    threw: (key, extension, error) => toolkit.threw(key, extension, error),
  });
  const toolkit: Toolkit = new Toolkit({
    ...common,
    scenario,
    leaves: (name, incarnation) => run()?.leaves(name, incarnation),
    run: async (ms) => run()?.letPass(ms),
    later: (ms, callback) => run()?.later(ms, callback),
  });
  return { extensions, toolkit };
}
