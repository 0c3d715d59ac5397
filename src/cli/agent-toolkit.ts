/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The message bus and the shared state of an agent, created only with `--bus` and `--state`: an agent without them is on
// the wire what it was before they existed.
import type { Bus } from '../bus/index.js';
import type { Extension } from '../extensions/extension.js';
import type { Memberlist } from '../memberlist.js';
import type { State } from '../state/index.js';
import { BusCommands } from './bus-commands.js';
import { textOf, UsageError, type Values } from './command.js';
import { RingCommands } from './ring-commands.js';
import { StateCommands } from './state-commands.js';

/** The extensions of an agent that its options ask for. */
export interface Toolkit {
  readonly bus: Bus | undefined;
  readonly state: State | undefined;
  /** Those that there are. */
  readonly extensions: readonly Extension[];
}

/** Some of the agent's commands. */
export interface Commands {
  /**
   * Executes a command.
   *
   * @returns the fields of the reply; undefined if it is no command of these
   * @throws for what cannot be executed
   */
  execute(line: CommandLine): Promise<object> | object | undefined;
}

/** A line of standard input. */
export interface CommandLine {
  readonly command: string;
  readonly words: readonly string[];
  /** The text after the first `count` words of the line, with its spaces unchanged. */
  readonly textAfter: (count: number) => string;
}

/** Splits a line into words. */
export function commandLine(line: string): CommandLine {
  const [command = '', ...words] = line.split(/\s+/);
  const textAfter = (count: number): string =>
    new RegExp(`^(?:\\S+\\s+){${count}}(.*)$`, 's').exec(line)?.[1] ?? '';
  return { command, words, textAfter };
}

/**
 * The extensions that the options ask for.
 *
 * @throws UsageError; ConfigError
 */
export async function toolkitOf(values: Values): Promise<Toolkit> {
  const name = textOf(values, 'bus-name');
  if (name !== undefined && values.bus !== true) throw new UsageError('--bus-name requires --bus');
  let bus: Bus | undefined;
  let state: State | undefined;
  if (values.bus === true) bus = (await import('../bus/index.js')).createBus({ name });
  if (values.state === true) state = (await import('../state/index.js')).createState();
  return { bus, state, extensions: [bus, state].filter((each) => each !== undefined) };
}

/** The commands for the toolkit. */
export function toolkitCommands(
  list: Memberlist,
  { bus, state }: Toolkit,
  write: (line: object) => void,
): readonly Commands[] {
  return [
    new BusCommands(bus, write),
    new StateCommands(list, state, write),
    new RingCommands(list),
  ];
}
