/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `node-memberlist serf …`: the commands of Serf's own program, without a local agent.
import { INTERNAL_PREFIX } from '../serf/queries.js';
import { encodeFilter, encodeKeyRequest } from '../serf/query-messages.js';
import { keysResult } from '../serf/key-results.js';
import { keyBytes } from '../serf/rules.js';
import { distance } from '../serf/vivaldi.js';
import { printable, printableJson } from '../wire/printable.js';
import {
  exitCodes,
  numberOf,
  parseWords,
  textOf,
  UsageError,
  type Command,
  type Io,
  type OptionTypes,
  type Values,
} from './command.js';
import { SerfClient } from './serf-client.js';
import { table } from './table.js';
import { clusterOptions, clusterOptionsHelp, targetOf } from './temporary-node.js';

const MS_PER_S = 1_000;
const options = {
  ...clusterOptions,
  json: { type: 'boolean' },
  timeout: { type: 'string' },
  node: { type: 'string', multiple: true },
  tag: { type: 'string', multiple: true },
  status: { type: 'string' },
  'relay-factor': { type: 'string' },
  'no-ack': { type: 'boolean' },
  'no-coalesce': { type: 'boolean' },
} as const satisfies OptionTypes;

interface Call {
  readonly client: SerfClient;
  readonly values: Values;
  /** The words after HOST. */
  readonly words: readonly string[];
  readonly io: Io;
}

/** What a command has after HOST: its least and most words. */
interface Subcommand {
  readonly words: readonly [least: number, most: number];
  run(call: Call): Promise<number>;
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  members: { words: [0, 0], run: listMembers },
  query: { words: [1, 2], run: query },
  event: { words: [1, 2], run: sendEvent },
  keys: { words: [1, 2], run: keys },
  rtt: { words: [1, 2], run: rtt },
  reachability: { words: [0, 0], run: reachability },
};

/** Commands for a Serf cluster. */
export const serf: Command = {
  summary: 'members, events, queries and keys of a Serf cluster, without joining',
  help: `usage: node-memberlist serf COMMAND HOST[:PORT] [arguments] [options]

Executes one of Serf's commands through any member of a Serf cluster, an agent or a node of this library.
It needs no local agent and no RPC port, and adds no member. Members answer queries in packets to this
host, so that it must be reachable from them: --bind chooses its address.

  members HOST                lists the members with their statuses and tags
  event HOST NAME [PAYLOAD]   sends a user event
  query HOST NAME [PAYLOAD]   sends a query, and prints acks and responses
  reachability HOST           asks all members for an ack
  rtt HOST NAME [NAME]        estimates the round trip between two members (default: the one at HOST)
  keys HOST list              lists the keys of all members
  keys HOST install|use|remove KEY
                              changes the keys of all members

  --json            members, query, keys: JSON
  --status STATUS   members: only those with this status
  --tag NAME=VALUE  members: only those with this tag; query: only members whose tag matches the regular
                    expression VALUE; repeatable
  --node NAME       query: only this member; repeatable
  --timeout MS      for answers. Default: as in Serf, 3200 × ⌈log10(members + 1)⌉; rtt: 1000
  --relay-factor N  query, keys: members that each response is also sent through, 0 to 255. Default: 0
  --no-ack          query: without acks
  --no-coalesce     event: members must not replace it by a newer one
${clusterOptionsHelp}

Exits with status 1 if not all members answered: keys, reachability.

  node-memberlist serf query 10.0.0.5 uptime --tag role=^web
  node-memberlist serf keys 10.0.0.5 list --key-file cluster.key
`,
  async run(given, io) {
    const { values, positionals } = parseWords(given, options);
    const [name = '', host, ...words] = positionals;
    const command = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
    if (command === undefined) {
      const known = Object.keys(subcommands).join(', ');
      throw new UsageError(`serf: expected one of ${known}, not '${name}'`);
    }
    if (host === undefined) throw new UsageError(`serf ${name}: HOST:PORT is missing`);
    const [least, most] = command.words;
    if (words.length < least || words.length > most) {
      throw new UsageError(`serf ${name}: wrong number of arguments`);
    }
    // While members change their keys, some answer with the new one.
    const moreKeys = name === 'keys' && words[1] !== undefined ? [keyBytes(words[1])] : [];
    const client = await SerfClient.open(await targetOf(host), values, 5_000, moreKeys);
    try {
      return await command.run({ client, values, words, io });
    } finally {
      await client.close();
    }
  },
};

function listMembers({ client, values, io }: Call): Promise<number> {
  const status = textOf(values, 'status');
  const tags = pairsIn(values, 'tag');
  const members = client.members.filter(
    (member) =>
      (status === undefined || member.status === status) &&
      tags.every(([name, value]) => member.tags[name] === value),
  );
  if (values.json === true) {
    for (const member of members) io.stdout.write(`${printableJson(member)}\n`);
  } else {
    const rows = members.map(({ name, address, status: shown, tags: own }) => [
      ...[name, address, shown],
      Object.entries(own)
        .map((pair) => pair.join('='))
        .join(','),
    ]);
    io.stdout.write(table([['NAME', 'ADDRESS', 'STATUS', 'TAGS'], ...rows]));
  }
  return Promise.resolve(exitCodes.done);
}

async function sendEvent({ client, values, words, io }: Call): Promise<number> {
  const [name = '', payload = ''] = words;
  await client.sendEvent(name, Buffer.from(payload), values['no-coalesce'] !== true);
  io.stdout.write(`event '${printable(name)}' sent\n`);
  return exitCodes.done;
}

async function query({ client, values, words, io }: Call): Promise<number> {
  const [name = '', payload = ''] = words;
  if (name.startsWith(INTERNAL_PREFIX) && name !== '_serf_ping') {
    throw new UsageError(`names that begin with ${INTERNAL_PREFIX} are Serf's own`);
  }
  const names = Array.isArray(values.node) ? (values.node as string[]) : [];
  const filters = pairsIn(values, 'tag').map(([tag, expr]) =>
    encodeFilter({ kind: 'tag', tag, expr }),
  );
  if (names.length > 0) filters.unshift(encodeFilter({ kind: 'nodes', names }));
  const wantsAck = values['no-ack'] !== true;
  const answers = await client.query({
    ...{ name, filters, wantsAck, payload: Buffer.from(payload) },
    ...delivery(values),
  });
  let acks = 0;
  let responses = 0;
  for await (const { type, from, payload: answer } of answers) {
    if (type === 'ack') acks++;
    else responses++;
    const text = answer.toString();
    if (values.json === true) {
      const bytes = answer.toString('base64');
      const line = type === 'ack' ? { type, from } : { type, from, payload: text, bytes };
      io.stdout.write(`${printableJson(line)}\n`);
    } else if (type === 'ack') io.stdout.write(`ack from ${printable(from)}\n`);
    else io.stdout.write(`response from ${printable(from)}: ${printable(text)}\n`);
  }
  if (values.json !== true) io.stdout.write(`${acks} acks, ${responses} responses\n`);
  return exitCodes.done;
}

async function reachability({ client, values, io }: Call): Promise<number> {
  const missing = new Set(client.living);
  const expected = missing.size;
  const ping = { name: '_serf_ping', payload: Buffer.alloc(0), filters: [], wantsAck: true };
  for await (const { from } of await client.query({ ...ping, ...delivery(values) })) {
    missing.delete(from);
    if (missing.size === 0) break;
  }
  io.stdout.write(`${expected - missing.size} of ${expected} living members answered\n`);
  for (const name of missing) io.stdout.write(`no answer: ${printable(name)}\n`);
  return missing.size === 0 ? exitCodes.done : exitCodes.failed;
}

async function rtt({ client, values, words, io }: Call): Promise<number> {
  const timeoutMs = numberOf(values, 'timeout', { from: 1, to: 60_000, otherwise: 1_000 });
  const [one = '', other = client.nodeName] = words;
  if (other === undefined) throw new Error('the name of the node at HOST is unknown; name both');
  const first = await client.coordinate(one, timeoutMs);
  const ms = distance(first, await client.coordinate(other, timeoutMs)) * MS_PER_S;
  io.stdout.write(`${printable(one)} <-> ${printable(other)}: ${ms.toFixed(3)} ms (estimated)\n`);
  return exitCodes.done;
}

async function keys({ client, values, words, io }: Call): Promise<number> {
  const [action = '', key] = words;
  if (!['list', 'install', 'use', 'remove'].includes(action)) {
    throw new UsageError('serf keys: expected list, or install, use or remove with a key');
  }
  if ((action === 'list') !== (key === undefined)) {
    throw new UsageError(`serf keys ${action}: ${key === undefined ? 'KEY is missing' : 'no KEY'}`);
  }
  const name = `${INTERNAL_PREFIX}${action === 'list' ? 'list-keys' : `${action}-key`}`;
  const payload = encodeKeyRequest(key === undefined ? Buffer.alloc(0) : keyBytes(key));
  const expected = client.living.length;
  const asked = { name, payload, filters: [], wantsAck: false, ...delivery(values) };
  const result = await keysResult(await client.query(asked), expected);
  if (values.json === true) {
    const shown = {
      ...result,
      keys: Object.fromEntries(result.keys),
      primaryKeys: Object.fromEntries(result.primaryKeys),
      messages: Object.fromEntries(result.messages),
    };
    io.stdout.write(`${printableJson(shown)}\n`);
  } else {
    for (const [each, count] of result.keys) {
      const primary = result.primaryKeys.get(each) ?? 0;
      io.stdout.write(`${printable(each)}  ${count}/${expected}, primary ${primary}/${expected}\n`);
    }
    for (const [from, message] of result.messages) {
      io.stdout.write(`${printable(from)}: ${printable(message)}\n`);
    }
    const { numResponses, numErrors } = result;
    io.stdout.write(`${numResponses} of ${expected} members answered, ${numErrors} errors\n`);
  }
  return result.ok ? exitCodes.done : exitCodes.failed;
}

function delivery(values: Values): { relayFactor: number; timeoutMs: number | undefined } {
  const relays = numberOf(values, 'relay-factor', { from: 0, to: 255, otherwise: 0 });
  const timeoutMs =
    values.timeout === undefined
      ? undefined
      : numberOf(values, 'timeout', { from: 1, to: 600_000, otherwise: 0 });
  return { relayFactor: Math.round(relays), timeoutMs };
}

function pairsIn(values: Values, option: string): [string, string][] {
  const given = Array.isArray(values[option]) ? (values[option] as string[]) : [];
  return given.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--${option} must be NAME=VALUE, not '${pair}'`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
}
