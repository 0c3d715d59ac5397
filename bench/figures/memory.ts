/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a known member takes in memory.

import { metaBytes } from '../members.js';
import type { Figure } from '../stage.js';

const members = 10_000;

export const memory: Figure = {
  name: 'memory',
  title: 'Memory',
  work: `What the heap (with array buffers, and after the garbage is collected) grows by when a push/pull brings
${members.toLocaleString('en')} members and the news of them has been passed on; for each member, beside its
${metaBytes} bytes of metadata.`,
  measure: async (stage) => {
    const task = {
      load: stage.inputs.pushPull(members, 1, 'plain'),
      packets: stage.inputs.ping('plain'),
      members,
    };
    const { ours, go } = await stage.compare('memory', task);
    const each = ({ bytes }: { bytes: number }): number => bytes / members - metaBytes;
    const other = go && { name: 'Go' as const, values: go.map(each) };
    const mark = { kind: 'value', most: 500 } as const;
    return {
      rows: [{ what: 'a known member', unit: 'bytes', ours: ours.map(each), other, mark }],
    };
  },
};
