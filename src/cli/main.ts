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
  doctor: async () => (await import('./doctor.js')).doctor,
  keygen: async () => (await import('./keygen.js')).keygen,
  simulate: async () => (await import('./simulate.js')).simulate,
};

const introduction = `node-memberlist: cluster membership by gossip, from the command line.

usage: node-memberlist COMMAND [options]

`;

const conclusion = `
node-memberlist COMMAND --help says more, --version which version this is. Each command ends with status 0 when all went well, 1
when it did not, and 2 when it was called wrongly.
`;

/** Runs a command; gives the status to end with. Never rejects. */
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
    if (load === undefined) throw new UsageError(`there is no command '${name}'`);
    const command = await load();
    if (rest.includes('--help') || rest.includes('-h')) {
      io.stdout.write(command.help);
      return exitCodes.done;
    }
    // As with `| head -1`. An 'error' that nobody listens to would be an exception.
    const unread = (): void => {
      if (command.endsUnread !== true) io.exit?.(exitCodes.failed);
    };
    for (const output of [io.stdout, io.stderr]) output.on?.('error', unread);
    return await command.run(rest, io);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    const hint = isUsage
      ? `\ntry: node-memberlist ${name in commands ? `${name} ` : ''}--help`
      : '';
    io.stderr.write(`node-memberlist: ${printableLines(textOf(error))}${hint}\n`);
    const isMistake = error instanceof MemberlistError && error.code === 'ERR_MEMBERLIST_CONFIG';
    return isUsage || isMistake ? exitCodes.usage : exitCodes.failed;
  }
}

/** The message, for what is foreseen; mistakes of ours keep the name of their class. */
function textOf(error: unknown): string {
  const isForeseen =
    error instanceof MemberlistError || (error instanceof Error && error.constructor === Error);
  return isForeseen || error instanceof UsageError ? error.message : String(error);
}

async function overview(): Promise<string> {
  const lines = Object.entries(commands).map(
    async ([name, load]) => `  ${name.padEnd(10)}${(await load()).summary}\n`,
  );
  return introduction + (await Promise.all(lines)).join('') + conclusion;
}
