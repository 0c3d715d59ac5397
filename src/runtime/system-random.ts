/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Random } from '../core/ports.js';

/** `Math.random`. Not for secrets: those use `node:crypto`. */
export const systemRandom: Random = { next: () => Math.random() };
