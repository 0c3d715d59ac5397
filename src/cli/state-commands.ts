/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The agent's commands for the shared state, and its lines for changes.
import type { Memberlist } from '../memberlist.js';
import type { State, StateChange } from '../state/index.js';
import type { CommandLine, Commands } from './agent-toolkit.js';
import { shownValue } from './shown-value.js';

const usages = {
  set: 'set KEY VALUE',
  delete: 'delete KEY',
  show: 'show [NODE]',
  watch: 'watch',
  unwatch: 'unwatch',
} as const;

type StateCommand = keyof typeof usages;

/** Values in one reply to `show`. */
const MAX_SHOWN = 1_000;

/** Commands of an agent with `--state`. */
export class StateCommands implements Commands {
  readonly #list: Memberlist;
  readonly #state: State | undefined;
  readonly #write: (line: object) => void;

  constructor(list: Memberlist, state: State | undefined, write: (line: object) => void) {
    this.#list = list;
    this.#state = state;
    this.#write = write;
  }

  execute(line: CommandLine): object | undefined {
    if (!Object.hasOwn(usages, line.command)) return undefined;
    const command = line.command as StateCommand;
    const state = this.#state;
    if (state === undefined) {
      throw new Error(`${command} needs the shared state: start the agent with --state`);
    }
    const [key] = line.words;
    switch (command) {
      case 'set': {
        const text = line.textAfter(2);
        if (key === undefined || text === '') {
          throw new Error(`the key or the value is missing: ${usages.set}`);
        }
        const value = valueOf(text);
        state.set(key, value);
        return { key, value: shownValue(value) };
      }
      case 'delete':
        if (key === undefined) throw new Error(`the key is missing: ${usages.delete}`);
        if (!state.delete(key)) throw new Error(`this node has no key '${key}'`);
        return { key };
      case 'show':
        return this.#show(state, key);
      case 'watch':
        state.off('change', this.#changed).on('change', this.#changed);
        return {};
      case 'unwatch':
        state.off('change', this.#changed);
        return {};
    }
  }

  #show(state: State, only: string | undefined): object {
    const { nodes, keys, bytes } = state.sizes;
    const values: object[] = [];
    let notShown = 0;
    for (const node of only === undefined ? [...state.names()].sort() : [only]) {
      for (const key of [...state.keys(node)].sort()) {
        if (values.length >= MAX_SHOWN) notShown++;
        else values.push({ node, key, value: shownValue(state.get(node, key)) });
      }
    }
    if (only !== undefined && values.length === 0) throw new Error(this.#whyNothing(only));
    return { nodes, keys, size: bytes, ...(notShown > 0 && { notShown }), values };
  }

  #whyNothing(name: string): string {
    const node = this.#list.member(name);
    if (node === undefined) return `unknown member '${name}'`;
    const hasState = node.extensions.state !== undefined;
    return hasState
      ? `'${name}' has no keys`
      : `'${name}' does not share state: it runs without the extension`;
  }

  readonly #changed = ({ name, key, value, previous }: StateChange): void => {
    this.#write({
      event: 'state',
      node: name,
      key,
      ...(value !== undefined && { value: shownValue(value) }),
      ...(previous !== undefined && { previous: shownValue(previous) }),
    });
  };
}

/** What a user typed: JSON, or else a text. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
