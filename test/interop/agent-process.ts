/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Runs `node-memberlist agent` as a process, sends it commands, and collects its lines of JSON.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { main } from '../../src/cli/main.js';
import { eventually } from './eventually.js';

const cli = fileURLToPath(new URL('our-cli.ts', import.meta.url));

/** One line of an agent's output. */
export type AgentLine = Readonly<Record<string, unknown>>;

/** How a command of the command line ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end in this process. */
export async function runCli(...words: string[]): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  const nothing = (): void => undefined;
  const status = await main(words, {
    stdin: new PassThrough(),
    stdout: { write: (text) => (output.stdout += text) },
    stderr: { write: (text) => (output.stderr += text) },
    on: nothing,
    off: nothing,
  });
  return { status, ...output };
}

/** Runs a command to its end as a separate process. */
export async function processCli(...words: string[]): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', cli, ...words]);
  const output = { stdout: '', stderr: '' };
  child.stdin.end();
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...output };
}

export class AgentProcess {
  /** All lines that the agent printed. */
  readonly lines: AgentLine[] = [];
  log = '';
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<number | null>;

  private constructor(words: readonly string[]) {
    this.#child = spawn(process.execPath, ['--import', 'tsx', cli, 'agent', ...words]);
    createInterface(this.#child.stdout).on('line', (line) => {
      this.lines.push(JSON.parse(line) as AgentLine);
    });
    this.#child.stderr.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    this.#child.stdin.on('error', () => undefined);
    this.#ended = once(this.#child, 'close').then(([status]) => status as number | null);
  }

  /** Starts an agent and waits until it runs. */
  static async start(...words: string[]): Promise<AgentProcess> {
    const agent = new AgentProcess(words);
    await Promise.race([agent.line({ event: 'started' }), agent.#ended]);
    if (agent.lines.length === 0) throw new Error(`the agent did not start: ${agent.log}`);
    return agent;
  }

  /** Its first line. */
  get started(): AgentLine {
    return this.lines[0] ?? {};
  }

  send(command: string): void {
    this.#child.stdin.write(`${command}\n`);
  }

  /** Closes its standard input. */
  closeInput(): void {
    this.#child.stdin.end();
  }

  /** Resolves with the first line that has these values. */
  async line(wanted: AgentLine): Promise<AgentLine> {
    const find = (): AgentLine | undefined =>
      this.lines.find((line) =>
        Object.entries(wanted).every(
          ([key, value]) => JSON.stringify(line[key]) === JSON.stringify(value),
        ),
      );
    const found = await eventually(
      `a line ${JSON.stringify(wanted)}`,
      find,
      (line) => line !== undefined,
    );
    return found ?? {};
  }

  /** Resolves with the line of an event about a member. */
  async eventLine(event: string, name: string): Promise<AgentLine> {
    const find = (): AgentLine | undefined =>
      this.lines.find((line) => {
        const { node } = line as { node?: { name: string } };
        return line.event === event && node?.name === name;
      });
    return (await eventually(`${event} ${name}`, find, (line) => line !== undefined)) ?? {};
  }

  /** Suspends the process: it neither runs nor closes anything. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Resumes the process. */
  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Sends SIGTERM. Resolves with the exit status. */
  end(): Promise<number | null> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    return this.#ended;
  }

  /** Waits for the process to end. */
  ended(): Promise<number | null> {
    return this.#ended;
  }
}
