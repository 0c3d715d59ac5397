/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What an agent is told on its standard input.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Memberlist } from '../memberlist.js';
import type { Node } from '../core/member.js';
import type { Serf } from '../serf/index.js';
import { nodeAsJson } from './show-meta.js';

export const commandsHelp = `  members               everybody who is alive or suspect
  member NAME           one member, in any state
  ping NAME             the round trip to a member, in milliseconds
  join SEED…            joins further seeds
  send NAME TEXT        a message to a member, over TCP
  meta TEXT             other metadata
  tags NAME=VALUE…      with --serf: other tags
  event NAME [TEXT]     with --serf: a user event to all
  health                how much this node doubts itself; 0 is healthy
  leave                 leaves, and ends
  help                  this list

Each is answered by one line, in JSON {"reply": COMMAND, …} or {"error": TEXT}. The end of the input
ends nothing.
`;

/** What the commands work on. */
export interface AgentHandle {
  say(line: object): void;
  leave(): void;
  setMeta(text: string): Promise<void>;
  readonly serf: Serf | undefined;
}

/** Obeys commands, one after the other. */
export class AgentCommands {
  readonly #list: Memberlist;
  readonly #agent: AgentHandle;

  constructor(list: Memberlist, agent: AgentHandle) {
    this.#list = list;
    this.#agent = agent;
  }

  /** Until the input ends. Never rejects. */
  async obey(input: Readable): Promise<void> {
    try {
      for await (const line of createInterface({ input })) {
        if (line.trim() !== '') await this.#answer(line.trim());
      }
    } catch {
      // The input was taken away: there is nothing left to obey.
    }
  }

  async #answer(line: string): Promise<void> {
    const [command = '', ...words] = line.split(/\s+/);
    try {
      this.#agent.say({ reply: command, ...(await this.#do(command, words, line)) });
    } catch (error) {
      this.#agent.say({ error: (error as Error).message });
    }
  }

  async #do(command: string, words: readonly string[], line: string): Promise<object> {
    const list = this.#list;
    // What stands behind so many words, with its own spaces.
    const textAfter = (count: number): string =>
      new RegExp(`^(?:\\S+\\s+){${count}}(.*)$`, 's').exec(line)?.[1] ?? '';
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
          throw new Error('with --serf there are tags: tags NAME=VALUE');
        await this.#agent.setMeta(textAfter(1));
        return {};
      case 'tags':
        await this.#serf().setTags(Object.fromEntries(words.map(tagOf)));
        return { tags: this.#serf().tags };
      case 'event':
        this.#serf().sendEvent(words[0] ?? '', Buffer.from(textAfter(2)));
        return {};
      case 'health':
        return { score: list.healthScore };
      case 'leave':
        this.#agent.leave();
        return {};
      case 'help':
        return { commands: commandsHelp.split('\n').slice(0, 11) };
      default:
        throw new Error(`there is no command '${command}'; try help`);
    }
  }

  #member(name: string | undefined): Node {
    const node = this.#list.member(name ?? '');
    if (node === undefined) throw new Error(`there is no member '${name ?? ''}'`);
    return node;
  }

  #serf(): Serf {
    if (this.#agent.serf === undefined) throw new Error('only with --serf');
    return this.#agent.serf;
  }
}

function tagOf(word: string): [string, string] {
  const at = word.indexOf('=');
  if (at < 1) throw new Error(`a tag is NAME=VALUE, not '${word}'`);
  return [word.slice(0, at), word.slice(at + 1)];
}
