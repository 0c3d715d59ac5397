/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All figures, in the order in which they are measured and printed.

import type { Figure } from '../harness.js';
import { decode, encode } from './codec.js';
import { detection } from './detection.js';
import { growth } from './growth.js';
import { idle } from './idle.js';
import { join } from './join.js';
import { lzw } from './lzw.js';
import { memory } from './memory.js';
import { packetIn, packetOut } from './packets.js';
import { pushPull, turns } from './push-pull.js';
import { ring } from './ring.js';

export const figures: readonly Figure[] = [
  encode,
  decode,
  packetIn,
  packetOut,
  pushPull,
  turns,
  lzw,
  memory,
  idle,
  join,
  detection,
  growth,
  ring,
];
