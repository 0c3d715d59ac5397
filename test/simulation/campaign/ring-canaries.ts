/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Canaries of the ring and the singleton.

import type { Canary } from './canary.js';

const rules: readonly Canary[] = [
  {
    name: 'the order in which a ring learns of its members matters',
    file: 'ring/table.ts',
    from: '[...members].sort((a, b) => (a.name < b.name ? -1 : 1));',
    to: '[...members];',
  },
  {
    name: 'a ring ignores weights',
    file: 'ring/candidates.ts',
    from: 'weight === undefined ? 1 : weight(node);',
    to: '1;',
  },
  {
    name: 'a ring does not follow changes of metadata',
    file: 'ring/candidates.ts',
    from: '    if (this.#weights.get(name) === weight) return;\n',
    to: '    if (this.#weights.has(name) === (weight !== undefined)) return;\n',
    seed: 43,
  },
  {
    name: 'a singleton is not aborted when ownership moves',
    file: 'ring/singleton.ts',
    from: '      this.#run?.abort(obstacle);',
    to: "      if (obstacle !== 'moved') this.#run?.abort(obstacle);",
    seed: 9,
  },
  {
    name: 'a singleton runs in a minority',
    file: 'ring/singleton.ts',
    from: "    if (stopInMinority && this.#isMinority) return 'minority';\n",
    to: '',
    seed: 246,
  },
  {
    name: 'a singleton starts without waiting for settle',
    file: 'ring/singleton.ts',
    from: 'if (isFree && this.#candidates.isSettled) this.#start();',
    to: 'if (isFree) this.#start();',
  },
  {
    name: 'the loss of a lease is ignored',
    file: 'ring/singleton-run.ts',
    from: "lost: () => this.abort('lease-lost') }",
    to: 'lost: () => undefined }',
  },
  {
    name: 'a singleton does not count its members',
    file: 'ring/singleton.ts',
    from: "    if (this.#candidates.size < minMembers) return 'too-few-members';\n",
    to: '',
    seed: 201,
  },
];

/** One rule of each, broken. */
export const ringCanaries: readonly Canary[] = rules.map((rule) => ({ ...rule, part: 'ring' }));
