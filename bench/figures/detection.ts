/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How fast the other members detect a failed node.

import { setTimeout as wait } from 'node:timers/promises';
import type { Known } from '../protocol.js';
import type { Row } from '../rows.js';
import { gatherAll, type Figure } from '../harness.js';

const capMs = 70_000;
const betweenMs = 2_000;

export const detection: Figure = {
  name: 'detection',
  title: 'Detection',
  work: `One node of an idle cluster of 50 closes its sockets without leaving, with the LAN defaults: the time until
the first and until the last of the other nodes is notified of the failure. The clusters of both sides run at the
same time and lose a node at the same moment, five times; then 45 nodes are left.`,
  measure: async (harness) => {
    const { nodes, kills } = harness.effort.quick
      ? { nodes: 10, kills: 1 }
      : { nodes: 50, kills: 5 };
    await using ours = harness.ours();
    await using go = harness.go();
    for (const side of [ours, go]) {
      if (side !== undefined) await gatherAll([side], harness.addresses(nodes));
    }
    const results = { ours: [] as Known[], go: [] as Known[] };
    for (let kill = 0; kill < kills; kill++) {
      harness.progress(`detection: ${kill + 1} of ${kills}`);
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
      if (!complete) throw new Error(`not all nodes were notified after ${capMs / 1000} s`);
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
        row('first node', ({ firstMs }) => firstMs / 1000),
        row('last node', ({ lastMs }) => lastMs / 1000),
      ],
    };
  },
};
