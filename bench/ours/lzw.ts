/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// LZW compression and decompression, without the message that contains it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lzwCompress, lzwDecompress } from '../../src/wire/lzw.js';
import { limits } from '../../src/wire/limits.js';
import type { LzwResult, LzwTask } from '../protocol.js';
import { repeat } from './stopwatch.js';

export function compress(task: LzwTask): LzwResult {
  return time(task, lzwCompress);
}

export function decompress(task: LzwTask): LzwResult {
  return time(task, (input) => lzwDecompress(input, limits.decompressedStreamBytes));
}

function time({ file, minMs }: LzwTask, work: (input: Buffer) => Buffer): LzwResult {
  const input = readFileSync(file);
  const output = Buffer.from(work(input));
  const timed = repeat(minMs, 1, () => work(input));
  const digest = createHash('sha256').update(output).digest('hex');
  return { ...timed, bytes: output.length, digest };
}
