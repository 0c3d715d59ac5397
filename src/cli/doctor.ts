/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { printable, printableJson } from '../wire/printable.js';
import { exitCodes, type Command } from './command.js';
import { diagnose } from './diagnose.js';
import type { Finding } from './finding.js';
import { nodeQueryOf, clusterOptionsHelp } from './temporary-node.js';

const MARKS: Readonly<Record<Finding['verdict'], string>> = {
  ok: 'ok  ',
  note: 'note',
  bad: 'BAD ',
  skip: 'skip',
};

/** Reports why a node cannot be reached or joined from this machine. */
export const doctor: Command = {
  summary: 'find out why a node cannot be reached or joined',
  help: `usage: node-memberlist doctor [options] HOST[:PORT]

Checks from this machine, without joining, everything that one member needs from another: name lookup,
a TCP connection, label and key (with a state exchange), UDP in both directions, protocol versions, and
whether the node answers at the address that it advertises. Recognizes HTTP, TLS and SSH at the port.
Reports each problem and how to fix it. Exits with status 0 if there is none.

  --timeout MS      for each check. Default: 2000
  --json            one JSON object per finding and line
${clusterOptionsHelp}

  node-memberlist doctor 10.0.0.5
  node-memberlist doctor 10.0.0.5 --label prod --key-file cluster.key
`,
  async run(words, io) {
    const { values, target, timeoutMs } = nodeQueryOf(words, {
      options: { json: { type: 'boolean' } },
      timeoutMs: { to: 60_000, otherwise: 2_000 },
    });
    let isHealthy = true;
    for await (const finding of diagnose(target, values, timeoutMs)) {
      isHealthy &&= finding.verdict !== 'bad';
      if (values.json === true) io.stdout.write(`${printableJson(finding)}\n`);
      else io.stdout.write(textOf(finding));
    }
    if (values.json !== true) {
      io.stdout.write(isHealthy ? 'No problems found from this machine.\n' : 'Problems found.\n');
    }
    return isHealthy ? exitCodes.done : exitCodes.failed;
  },
};

function textOf({ verdict, check, message, advice }: Finding): string {
  const lines = [`${MARKS[verdict]} ${check.padEnd(9)} ${printable(message)}`];
  if (advice !== undefined) lines.push(`${' '.repeat(15)}→ ${printable(advice)}`);
  return `${lines.join('\n')}\n`;
}
