/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { printableJson } from '../wire/printable.js';
import { exitCodes, type Command } from './command.js';
import { nodeAsJson, showMeta } from './show-meta.js';
import { table } from './table.js';
import { targetOf, Visitor, visitOf, visitorHelp } from './temporary-node.js';

/** Lists the members that a node knows. */
export const members: Command = {
  summary: 'list the members of a cluster, without joining',
  help: `usage: node-memberlist members [options] HOST[:PORT]

Asks one member for its table, by an exchange of state that brings nobody in: the cluster is the same
afterwards. Works with Go memberlist and Serf as well.

  --json            one JSON object a line
  --timeout MS      for dialling, and again for the exchange. Default: 5000
${visitorHelp}

  node-memberlist members 10.0.0.5
  node-memberlist members 10.0.0.5 --json | jq -r 'select(.state == "alive").address'
`,
  async run(words, io) {
    const { values, target, timeoutMs } = visitOf(words, {
      options: { json: { type: 'boolean' } },
      timeoutMs: { to: 600_000, otherwise: 5_000 },
    });
    const to = await targetOf(target);
    const visitor = await Visitor.open(to, values, timeoutMs);
    try {
      const { nodes } = await visitor.table(to);
      const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
      if (values.json === true) {
        for (const node of sorted) io.stdout.write(`${printableJson(nodeAsJson(node))}\n`);
      } else {
        const rows = sorted.map(({ name, address, state, protocol, meta }) => [
          name,
          address,
          state,
          `${protocol.current}`,
          showMeta(meta),
        ]);
        io.stdout.write(table([['NAME', 'ADDRESS', 'STATE', 'PROTOCOL', 'METADATA'], ...rows]));
      }
      return exitCodes.done;
    } finally {
      await visitor.close();
    }
  },
};
