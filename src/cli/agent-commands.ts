/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The commands that an agent reads from its standard input.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Memberlist } from '../memberlist.js';
import type { Node } from '../core/member.js';
import type { Serf } from '../serf/index.js';
import {
  commandLine,
  toolkitCommands,
  type CommandLine,
  type Commands,
  type Toolkit,
} from './agent-toolkit.js';
import { nodeAsJson } from './show-meta.js';

export const commandsHelp = `  members               lists all alive and suspect members
  member NAME           shows one member, in any state
  ping NAME             measures the round trip to a member, in milliseconds
  join SEED…            joins more seeds
  send NAME TEXT        sends a message to a member, over TCP
  meta TEXT             replaces this node's metadata
  tags NAME=VALUE…      with --serf: replaces this node's tags
  event NAME [TEXT]     with --serf: sends a user event to all members
  publish TOPIC TEXT    with --bus: publishes a message; 'publish --confirm …' waits for all members
  subscribe TOPIC       with --bus: prints the messages of a topic, until 'unsubscribe TOPIC'
  request TOPIC TEXT    with --bus: asks all members, and prints their answers
  respond TOPIC [TEXT]  with --bus: answers requests with a text, or no longer
  topics                with --bus: lists the topics that this node has seen
  set KEY VALUE         with --state: sets a key of this node; VALUE is JSON or text
  delete KEY            with --state: deletes a key of this node
  show [NODE]           with --state: lists the keys and values of all nodes, or of one
  watch                 with --state: prints changes, until 'unwatch'
  owner KEY             prints the member that owns a key on a hash ring of all members
  query NAME [TEXT]     with --serf: asks all members, and prints acks and responses
  respond NAME TEXT     with --serf: responds to all queries of this name with the text
  serf-members          with --serf: lists all members with statuses and tags
  force-leave NAME [prune]  with --serf: declares that a failed member has left
  health                prints the Local Health Multiplier's score; 0 is healthy
  leave                 leaves the cluster and exits
  help                  prints this list

The agent answers each command with one line: in JSON {"reply": COMMAND, …} or {"error": TEXT}. It keeps
running when its standard input ends.
`;

/** What the commands act on. */
export interface AgentHandle {
  write(line: object): void;
  leave(): void;
  setMeta(text: string): Promise<void>;
  readonly serf: Serf | undefined;
  readonly toolkit: Toolkit;
}

/** Executes commands, one after the other. */
export class AgentCommands {
  readonly #list: Memberlist;
  readonly #agent: AgentHandle;
  readonly #toolkit: readonly Commands[];
  /** Removes the handlers of queries, by name. */
  readonly #stopResponding = new Map<string, () => void>();

  constructor(list: Memberlist, agent: AgentHandle) {
    this.#list = list;
    this.#agent = agent;
    this.#toolkit = toolkitCommands(list, agent.toolkit, (line) => agent.write(line));
  }

  /** Reads and executes commands until the input ends. Never rejects. */
  async run(input: Readable): Promise<void> {
    try {
      for await (const line of createInterface({ input })) {
        if (line.trim() !== '') await this.#answer(line.trim());
      }
    } catch {
      // The input failed: there are no more commands.
    }
  }

  async #answer(line: string): Promise<void> {
    const parts = commandLine(line);
    try {
      this.#agent.write({ reply: parts.command, ...(await this.#execute(parts)) });
    } catch (error) {
      this.#agent.write({ error: (error as Error).message });
    }
  }

  async #execute(line: CommandLine): Promise<object> {
    const list = this.#list;
    const { command, words, textAfter } = line;
    switch (command) {
      case 'members':
        return { members: list.members().map(nodeAsJson) };
      case 'member':
        return { member: nodeAsJson(this.#member(words[0])) };
      case 'ping': {
        const { name, address } = this.#member(words[0]);
        return { ms: await list.ping(name, address) };
      }
      case 'join':
        return { contacted: (await list.join(words)).contacted };
      case 'send':
        await list.sendReliable(this.#member(words[0]), Buffer.from(textAfter(2)));
        return {};
      case 'meta':
        if (this.#agent.serf !== undefined)
          throw new Error('a node with --serf has tags instead of metadata: tags NAME=VALUE');
        await this.#agent.setMeta(textAfter(1));
        return {};
      case 'tags':
        await this.#serf().setTags(Object.fromEntries(words.map(tagOf)));
        return { tags: this.#serf().tags };
      case 'event':
        this.#serf().sendEvent(words[0] ?? '', Buffer.from(textAfter(2)));
        return {};
      case 'query':
        return this.#query(words[0] ?? '', textAfter(2));
      case 'respond': {
        const text = textAfter(2);
        this.#stopResponding.get(words[0] ?? '')?.();
        this.#stopResponding.set(
          words[0] ?? '',
          this.#serf().respond(words[0] ?? '', () => text),
        );
        return {};
      }
      case 'serf-members':
        return { members: this.#serf().members() };
      case 'force-leave':
        await this.#serf().forceLeave(words[0] ?? '', { prune: words[1] === 'prune' });
        return {};
      case 'health':
        return { score: list.healthScore };
      case 'leave':
        this.#agent.leave();
        return {};
      case 'help':
        return { commands: commandsHelp.split('\n\n', 1)[0]?.split('\n') };
    }
    for (const commands of this.#toolkit) {
      const reply = await commands.execute(line);
      if (reply !== undefined) return reply;
    }
    throw new Error(`unknown command '${command}'; try help`);
  }

  async #query(name: string, text: string): Promise<object> {
    const acks: string[] = [];
    const responses: object[] = [];
    for await (const { type, from, payload } of this.#serf().query(name, text, {
      requestAck: true,
    })) {
      if (type === 'ack') acks.push(from);
      else responses.push({ from, payload: payload.toString(), bytes: payload.toString('base64') });
    }
    return { acks, responses };
  }

  #member(name: string | undefined): Node {
    const node = this.#list.member(name ?? '');
    if (node === undefined) throw new Error(`unknown member '${name ?? ''}'`);
    return node;
  }

  #serf(): Serf {
    if (this.#agent.serf === undefined) throw new Error('this command needs --serf');
    return this.#agent.serf;
  }
}

function tagOf(word: string): [string, string] {
  const at = word.indexOf('=');
  if (at < 1) throw new Error(`a tag must be NAME=VALUE, not '${word}'`);
  return [word.slice(0, at), word.slice(at + 1)];
}
