/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A push/pull, as it looks to the node that is asked.

import { layersByName, type LayersName } from '../inputs.js';
import type { PushPullTask } from '../protocol.js';
import { assertEvery, wallRow, type Figure, type Stage } from '../stage.js';
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

/** A quick run omits most of the large cases. */
function cases({ effort }: Stage): Case[] {
  return [1000, markedSize].flatMap((members) => {
    const some = effort.quick && members === markedSize ? (['plain', 'both'] as const) : layers;
    const quiet = some.map((each) => ({ members, layers: each, fresh: false }));
    return effort.quick ? quiet : [...quiet, { members, layers: 'plain' as const, fresh: true }];
  });
}

function titleOf({ members, layers: name, fresh }: Case): string {
  const what = fresh ? `${names[name]}, all new` : names[name];
  return `${members.toLocaleString('en')} members, ${what}`;
}

function taskOf({ inputs, effort }: Stage, { members, layers: name, fresh }: Case): PushPullTask {
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
  work: `A node accepts a push/pull: it reads the state of a peer with the same number of members, encodes and sends its own,
merges, and closes the stream. Both know the same members, as in a quiet cluster; in the rows "all new"
every incarnation is new. The stream is in memory and delivers chunks of 64 KiB. Each node first warms up
for three times as long (in "all new", by one exchange).`,
  measure: async (stage) => {
    const rows: Row[] = [];
    for (const each of cases(stage)) {
      const compared = await stage.compare('pushPull', taskOf(stage, each));
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
  work: `The longest turn of the event loop in the exchanges above, which is the maximum delay of a ping that arrives in between.
A round's value is the maximum of all its exchanges, including interference by other load of the machine.`,
  measure: async (stage) => {
    const rows: Row[] = [];
    for (const each of cases(stage).filter(({ members }) => members === markedSize)) {
      const results = await stage.alone('turns', taskOf(stage, each));
      const ours = results.map(({ longestMs }) => longestMs);
      const mark = { kind: 'value', most: 10 } as const;
      rows.push({ what: titleOf(each), unit: 'ms', ours, mark });
    }
    return { rows };
  },
};
