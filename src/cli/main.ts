/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npx node-memberlist …`. Commands are loaded when they are called: `keygen` needs no sockets.
import { MemberlistError } from '../errors.js';
import { printableLines } from '../wire/printable.js';
import { exitCodes, UsageError, type Command, type Io } from './command.js';
import { version } from './version.js';

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  agent: async () => (await import('./agent.js')).agent,
  members: async () => (await import('./members.js')).members,
  ping: async () => (await import('./ping.js')).ping,
  serf: async () => (await import('./serf.js')).serf,
  doctor: async () => (await import('./doctor.js')).doctor,
  keygen: async () => (await import('./keygen.js')).keygen,
  simulate: async () => (await import('./simulate.js')).simulate,
};

const introduction = `node-memberlist: gossip-based cluster membership, from the command line.

usage: node-memberlist COMMAND [options]

`;

const conclusion = `
Run node-memberlist COMMAND --help for details, --version for the version. Each command exits with
status 0 on success, 1 on failure, and 2 for invalid arguments.
`;

/** Runs a command and returns its exit status. Never rejects. */
export async function main(words: readonly string[], io: Io): Promise<number> {
  const [name = '--help', ...rest] = words;
  try {
    if (['--help', '-h', 'help'].includes(name)) {
      io.stdout.write(await overview());
      return words.length === 0 ? exitCodes.usage : exitCodes.done;
    }
    if (['--version', '-v'].includes(name)) {
      io.stdout.write(`${version()}\n`);
      return exitCodes.done;
    }
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (load === undefined) throw new UsageError(`unknown command '${name}'`);
    const command = await load();
    if (rest.includes('--help') || rest.includes('-h')) {
      io.stdout.write(command.help);
      return exitCodes.done;
    }
    // For example `| head -1`. An 'error' event without a listener would throw.
    const onClosedOutput = (): void => {
      if (command.handlesClosedOutput !== true) io.exit?.(exitCodes.failed);
    };
    for (const output of [io.stdout, io.stderr]) output.on?.('error', onClosedOutput);
    return await command.run(rest, io);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    const hint = isUsage
      ? `\ntry: node-memberlist ${name in commands ? `${name} ` : ''}--help`
      : '';
    io.stderr.write(`node-memberlist: ${printableLines(textOf(error))}${hint}\n`);
    const isConfigError =
      error instanceof MemberlistError && error.code === 'ERR_MEMBERLIST_CONFIG';
    return isUsage || isConfigError ? exitCodes.usage : exitCodes.failed;
  }
}

/** The message of an expected error; for an unexpected one also the name of its class. */
function textOf(error: unknown): string {
  const isExpected =
    error instanceof MemberlistError || (error instanceof Error && error.constructor === Error);
  return isExpected || error instanceof UsageError ? error.message : String(error);
}

async function overview(): Promise<string> {
  const lines = Object.entries(commands).map(
    async ([name, load]) => `  ${name.padEnd(10)}${(await load()).summary}\n`,
  );
  return introduction + (await Promise.all(lines)).join('') + conclusion;
}
