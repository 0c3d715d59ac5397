/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A push/pull, as the responder sees it.

import { layersByName, type LayersName } from '../inputs.js';
import type { PushPullTask } from '../protocol.js';
import { assertEvery, wallRow, type Figure, type Harness } from '../harness.js';
import type { Mark, Row } from '../rows.js';

const marks: Record<LayersName, Mark> = {
  plain: { kind: 'ratio', most: 0.4 },
  compressed: { kind: 'ratio', most: 0.7 },
  encrypted: { kind: 'ratio', most: 0.7 },
  both: { kind: 'ratio', most: 0.7 },
};
const names: Record<LayersName, string> = {
  plain: 'plain',
  compressed: 'compressed',
  encrypted: 'AES-128',
  both: 'compressed, AES-128',
};
const layers = Object.keys(names) as LayersName[];
const markedSize = 10_000;

interface Case {
  readonly members: number;
  readonly layers: LayersName;
  readonly fresh: boolean;
}

/** A quick run measures only some of the large cases. */
function cases({ effort }: Harness): Case[] {
  return [1000, markedSize].flatMap((members) => {
    const some = effort.quick && members === markedSize ? (['plain', 'both'] as const) : layers;
    const quiet = some.map((each) => ({ members, layers: each, fresh: false }));
    return effort.quick ? quiet : [...quiet, { members, layers: 'plain' as const, fresh: true }];
  });
}

function titleOf({ members, layers: name, fresh }: Case): string {
  const what = fresh ? `${names[name]}, all updates` : names[name];
  return `${members.toLocaleString('en')} members, ${what}`;
}

function taskOf({ inputs, effort }: Harness, { members, layers: name, fresh }: Case): PushPullTask {
  return {
    ...layersByName[name],
    load: inputs.pushPull(members, 1, name),
    before: inputs.pushPull(members, fresh ? 2 : 1, name),
    request: inputs.pushPull(members, fresh ? 3 : 1, name),
    fresh,
    minMs: effort.roundMs,
  };
}

export const pushPull: Figure = {
  name: 'push-pull',
  title: 'Push/pull',
  work: `A responder reads the state of a node with the same number of members, encodes and sends its own, merges, and
closes the stream. Both know the same, as in an idle cluster; in the rows "all updates" every incarnation is new. The
stream is in memory; its bytes arrive in pieces of 64 KiB. Each node has done the same for three times as long before
(for updates, one exchange).`,
  measure: async (harness) => {
    const rows: Row[] = [];
    for (const each of cases(harness)) {
      const compared = await harness.compare('pushPull', taskOf(harness, each));
      const what = `push/pull, ${titleOf(each)}`;
      const { members, fresh } = each;
      assertEvery(what, compared, ({ records }) => records, members + 1);
      const incarnations = members * (fresh ? 3 : 1);
      assertEvery(what, compared, (result) => result.incarnations, incarnations);
      const mark = members === markedSize && !fresh ? marks[each.layers] : undefined;
      rows.push(wallRow(titleOf(each), 'ms', compared, { mark }));
    }
    return { rows };
  },
};

export const turns: Figure = {
  name: 'turns',
  title: 'Longest turn of the event loop',
  work: `The longest turn in the exchanges above: how long a ping that arrives meanwhile may have to wait. The value of a
round is the maximum of all its exchanges, including interruptions by the machine.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    for (const each of cases(harness).filter(({ members }) => members === markedSize)) {
      const results = await harness.alone('turns', taskOf(harness, each));
      const ours = results.map(({ longestMs }) => longestMs);
      const mark = { kind: 'value', most: 10 } as const;
      rows.push({ what: titleOf(each), unit: 'ms', ours, mark });
    }
    return { rows };
  },
};
