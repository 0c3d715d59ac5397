/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The memory of a known member.

import { metaBytes } from '../members.js';
import type { Figure } from '../harness.js';

const members = 10_000;

export const memory: Figure = {
  name: 'memory',
  title: 'Memory',
  work: `The heap growth (including array buffers, after garbage collection) when a push/pull adds
${members.toLocaleString('en')} members and their updates have been gossiped; per member, without its ${metaBytes} bytes of
metadata.`,
  measure: async (harness) => {
    const task = {
      load: harness.inputs.pushPull(members, 1, 'plain'),
      packets: harness.inputs.ping('plain'),
      members,
    };
    const { ours, go } = await harness.compare('memory', task);
    const each = ({ bytes }: { bytes: number }): number => bytes / members - metaBytes;
    const other = go && { name: 'Go' as const, values: go.map(each) };
    const mark = { kind: 'value', most: 500 } as const;
    return {
      rows: [{ what: 'a known member', unit: 'bytes', ours: ours.map(each), other, mark }],
    };
  },
};
