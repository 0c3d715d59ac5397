/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { printable, printableJson } from '../wire/printable.js';
import { exitCodes, type Command } from './command.js';
import { diagnose, type Finding } from './diagnose.js';
import { visitOf, visitorHelp } from './temporary-node.js';

const MARKS: Readonly<Record<Finding['verdict'], string>> = {
  ok: 'ok  ',
  note: 'note',
  bad: 'BAD ',
  skip: 'skip',
};

/** Says what is wrong with a node, seen from here. */
export const doctor: Command = {
  summary: 'find out why a node cannot be reached or joined, in plain words',
  help: `usage: node-memberlist doctor [options] HOST[:PORT]

Tries, from this machine and without joining, everything that a member needs of another: the name is
looked up, TCP is dialled, label and key are tried by an exchange of state, UDP there and back, protocol
versions, and whether the address that the node tells others is the one at which it answers. Recognises
HTTP, TLS and SSH at the port. Says what is wrong and what to do. Ends with 0 when nothing is.

  --timeout MS      for each step. Default: 2000
  --json            the findings as JSON, one a line
${visitorHelp}

  node-memberlist doctor 10.0.0.5
  node-memberlist doctor 10.0.0.5 --label prod --key-file cluster.key
`,
  async run(words, io) {
    const { values, target, timeoutMs } = visitOf(words, {
      options: { json: { type: 'boolean' } },
      timeoutMs: { to: 60_000, otherwise: 2_000 },
    });
    let isWell = true;
    for await (const finding of diagnose(target, values, timeoutMs)) {
      isWell &&= finding.verdict !== 'bad';
      if (values.json === true) io.stdout.write(`${printableJson(finding)}\n`);
      else io.stdout.write(textOf(finding));
    }
    if (values.json !== true) {
      io.stdout.write(isWell ? 'Nothing is wrong, seen from here.\n' : 'Something is wrong.\n');
    }
    return isWell ? exitCodes.done : exitCodes.failed;
  },
};

function textOf({ verdict, about, words, advice }: Finding): string {
  const lines = [`${MARKS[verdict]} ${about.padEnd(9)} ${printable(words)}`];
  if (advice !== undefined) lines.push(`${' '.repeat(15)}→ ${printable(advice)}`);
  return `${lines.join('\n')}\n`;
}
