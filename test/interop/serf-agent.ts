/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One `serf agent` process at its own IP.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';

const run = promisify(execFile);

/** One build of `serf`. */
export interface SerfProgram {
  /** Its title in the table: version and origin. */
  readonly title: string;
  readonly path: string;
}

/** One member in the output of `serf members`. */
export interface SerfMember {
  readonly name: string;
  readonly addr: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Options of an agent. */
export interface SerfInit {
  readonly program: SerfProgram;
  readonly name: string;
  readonly ip: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Additional arguments of `serf agent`. */
  readonly args?: readonly string[];
}

/** Debian's build, with the version of its package; the program itself always reports a `-dev` version. */
export async function debianSerf(): Promise<SerfProgram> {
  const path = 'serf';
  const { stdout } = await run('dpkg-query', ['--show', '--showformat=${Version}', 'serf']);
  const version = /^[\d.]+/.exec(stdout)?.[0];
  if (version === undefined) throw new Error(`no version of Debian's package serf in '${stdout}'`);
  return { title: `serf ${version} (Debian)`, path };
}

/** A running agent and its log. */
export class SerfAgent {
  readonly name: string;
  readonly ip: string;
  readonly #init: SerfInit;
  #process: ChildProcess | undefined;
  #log = '';

  constructor(init: SerfInit) {
    this.name = init.name;
    this.ip = init.ip;
    this.#init = init;
  }

  get address(): string {
    return `${this.ip}:7946`;
  }

  /** The complete log, including the time before a restart. */
  get log(): string {
    return this.#log;
  }

  /** Starts the agent; resolves when it answers. */
  async start(): Promise<void> {
    const { program, tags = {}, args: more = [] } = this.#init;
    const args = ['agent', `-node=${this.name}`, `-bind=${this.address}`, '-log-level=debug'];
    args.push(`-rpc-addr=${this.#rpcAddress}`, ...more);
    for (const [key, value] of Object.entries(tags)) args.push('-tag', `${key}=${value}`);
    const child = spawn(program.path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    const running = new Promise<void>((resolve, reject) => {
      let log = '';
      const take = (chunk: Buffer): void => {
        this.#log += chunk.toString();
        log += chunk.toString();
        if (log.includes('agent: Serf agent starting')) resolve();
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`serf ended with ${code}:\n${log}`)));
    });
    await running;
    // Serf logs this line before the RPC port is open.
    const answer = (): Promise<string> =>
      this.members().then(
        () => 'yes',
        (error: unknown) => String(error),
      );
    await eventually(`${this.name} answers`, answer, (result) => result === 'yes');
  }

  /** All members as this agent lists them, by name. */
  async members(): Promise<Map<string, SerfMember>> {
    const { members } = JSON.parse(await this.command('members', '-format=json')) as {
      members: SerfMember[];
    };
    return new Map(members.map((member) => [member.name, member]));
  }

  async join(address: string): Promise<void> {
    await this.command('join', address);
  }

  /** Leaves the cluster; resolves when the process has ended. */
  async leave(): Promise<void> {
    const ended = this.#ended();
    await this.command('leave');
    await ended;
  }

  /** Kills the process like a crash. */
  async kill(): Promise<void> {
    const ended = this.#ended();
    this.#process?.kill('SIGKILL');
    await ended;
  }

  /**
   * Runs a serf command against this agent.
   *
   * @returns its output
   * @throws when its exit status is not 0, with its output
   */
  async command(command: string, ...args: string[]): Promise<string> {
    const { path } = this.#init.program;
    try {
      const { stdout } = await run(path, [command, `-rpc-addr=${this.#rpcAddress}`, ...args]);
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`serf ${command} at ${this.name}: ${stdout}${stderr}`, { cause: error });
    }
  }

  /** Runs `serf monitor` until it is stopped. */
  monitor(): { readonly output: string; stop(): Promise<void> } {
    const args = ['monitor', `-rpc-addr=${this.#rpcAddress}`, '-log-level=debug'];
    const child = spawn(this.#init.program.path, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(child, 'exit');
    return {
      get output() {
        return output;
      },
      async stop() {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }

  get #rpcAddress(): string {
    return `${this.ip}:7373`;
  }

  async #ended(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    await once(child, 'exit');
  }
}
