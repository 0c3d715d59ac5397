/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { printableJson } from '../wire/printable.js';
import { exitCodes, type Command } from './command.js';
import { nodeAsJson, showMeta } from './show-meta.js';
import { table } from './table.js';
import { targetOf, TemporaryNode, nodeQueryOf, clusterOptionsHelp } from './temporary-node.js';

/** Lists the members that a node knows. */
export const members: Command = {
  summary: 'list the members of a cluster, without joining',
  help: `usage: node-memberlist members [options] HOST[:PORT]

Asks one member for its member table with a state exchange that does not join: the cluster does not
change. Works with Go memberlist and Serf as well.

  --json            one JSON object per line
  --timeout MS      for the connection, and again for the exchange. Default: 5000
${clusterOptionsHelp}

  node-memberlist members 10.0.0.5
  node-memberlist members 10.0.0.5 --json | jq -r 'select(.state == "alive").address'
`,
  async run(words, io) {
    const { values, target, timeoutMs } = nodeQueryOf(words, {
      options: { json: { type: 'boolean' } },
      timeoutMs: { to: 600_000, otherwise: 5_000 },
    });
    const to = await targetOf(target);
    const node = await TemporaryNode.open(to, values, timeoutMs);
    try {
      const { nodes } = await node.table(to);
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
      await node.close();
    }
  },
};
