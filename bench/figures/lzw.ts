/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// LZW compression and decompression.

import type { Row } from '../rows.js';
import { assertSame, wallRow, type Figure } from '../harness.js';

const sizes = [
  { what: '1,400 bytes of a packet', bytes: 1400, of: 'packet', unit: 'µs' },
  { what: '1 MB of a push/pull', bytes: 1_000_000, of: 'stream', unit: 'ms' },
] as const;

export const lzw: Figure = {
  name: 'lzw',
  title: 'LZW',
  work: `Compression and decompression of the content of a packet and of a push/pull, without the message that
contains it. Go: \`compress/lzw\` as used by memberlist. The output is the same on both sides.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    for (const { what, bytes, of, unit } of sizes) {
      for (const way of ['compress', 'decompress'] as const) {
        const { inputs, effort } = harness;
        const file = way === 'compress' ? inputs.content(bytes, of) : inputs.compressed(bytes, of);
        const compared = await harness.compare(way, { file, minMs: effort.roundMs });
        assertSame(`${way} ${what}`, compared, (result) => [result.bytes, result.digest]);
        const mark = { kind: 'ratio', most: 1 } as const;
        rows.push(wallRow(`${way} ${what}`, unit, compared, { mark }));
      }
    }
    return { rows };
  },
};
