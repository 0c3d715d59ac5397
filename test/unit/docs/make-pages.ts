/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run docs`.
import { writeFileSync } from 'node:fs';
import { madePages } from './made-pages.js';

for (const { path, text } of await madePages()) writeFileSync(path, text);
