/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rules of the shared state, each broken in its own way.

import type { Canary } from './canary.js';

const part = 'state';

/** The canaries of the shared state. */
export const stateCanaries: readonly Canary[] = [
  {
    part,
    needsFaults: true,
    name: 'changes are applied although earlier ones are missing',
    file: 'state/store.ts',
    from: "    if (map.from > have) return 'gap';\n",
    to: '',
  },
  {
    part,
    needsFaults: true,
    name: 'maps are not reconciled',
    file: 'state/reconciliation.ts',
    from: '    if (hash.equals(store.hash)) return;\n',
    to: '    if (hash.length > 0) return;\n',
  },
  {
    part,
    name: 'the map of a member that is gone stays',
    file: 'state/replication.ts',
    from: '    this.#departures.gone(name);\n',
    to: '',
  },
  {
    part,
    name: 'expired keys are not deleted',
    file: 'state/replication.ts',
    from: '        this.write(key, undefined, undefined);\n',
    to: '',
  },
];
