/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node dies: how soon the others know.

import { setTimeout as wait } from 'node:timers/promises';
import type { Known } from '../protocol.js';
import type { Row } from '../rows.js';
import { gatherAll, type Figure } from '../stage.js';

const capMs = 70_000;
const betweenMs = 2_000;

export const detection: Figure = {
  name: 'detection',
  title: 'Detection',
  work: `One node of a quiet cluster of 50 closes its sockets without a word, with the defaults for a LAN: until
the first of the others is told that it failed, and until the last is. The clusters of both sides run at the
same time and lose a node at the same moment; five times, then there are 45.`,
  measure: async (stage) => {
    const { nodes, kills } = stage.effort.quick ? { nodes: 10, kills: 1 } : { nodes: 50, kills: 5 };
    await using ours = stage.ours();
    await using go = stage.go();
    for (const side of [ours, go]) {
      if (side !== undefined) await gatherAll([side], stage.addresses(nodes));
    }
    const results = { ours: [] as Known[], go: [] as Known[] };
    for (let kill = 0; kill < kills; kill++) {
      stage.progress(`detection: ${kill + 1} of ${kills}`);
      const task = { index: nodes - 1 - kill, capMs };
      const [ourKnown, goKnown] = await Promise.all([
        ours.ask('kill', task),
        go?.ask('kill', task),
      ]);
      results.ours.push(ourKnown);
      if (goKnown !== undefined) results.go.push(goKnown);
      await wait(betweenMs);
    }
    for (const { complete } of [...results.ours, ...results.go]) {
      if (!complete) throw new Error(`not all knew after ${capMs / 1000} s`);
    }
    const row = (what: string, of: (known: Known) => number): Row => ({
      what,
      unit: 's',
      ours: results.ours.map(of),
      other: go && { name: 'Go', values: results.go.map(of) },
      mark: { kind: 'ratio', most: 1.1 },
    });
    return {
      rows: [
        row('the first knows', ({ firstMs }) => firstMs / 1000),
        row('the last knows', ({ lastMs }) => lastMs / 1000),
      ],
    };
  },
};
