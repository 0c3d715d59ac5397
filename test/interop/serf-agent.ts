/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One `serf agent` process on an IP of its own.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What `serf members` says of one member. */
export interface SerfMember {
  readonly name: string;
  readonly addr: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A running agent, and what it logged. */
export class SerfAgent {
  readonly name: string;
  readonly ip: string;
  readonly #tags: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;
  #log = '';

  constructor(init: { name: string; ip: string; tags?: Readonly<Record<string, string>> }) {
    this.name = init.name;
    this.ip = init.ip;
    this.#tags = init.tags ?? {};
  }

  get address(): string {
    return `${this.ip}:7946`;
  }

  /** Everything that was logged, also before a restart. */
  get log(): string {
    return this.#log;
  }

  /** Starts the agent; resolves when it answers. */
  async start(): Promise<void> {
    const args = ['agent', `-node=${this.name}`, `-bind=${this.address}`, '-log-level=debug'];
    args.push(`-rpc-addr=${this.#rpcAddress}`);
    for (const [key, value] of Object.entries(this.#tags)) args.push('-tag', `${key}=${value}`);
    const child = spawn('serf', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    const running = new Promise<void>((resolve, reject) => {
      const take = (chunk: Buffer): void => {
        this.#log += chunk.toString();
        if (this.#log.includes('agent: Serf agent starting')) resolve();
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`serf ended with ${code}:\n${this.#log}`)));
    });
    await running;
    // The line comes before the RPC port is open.
    for (let tries = 0; tries < 50; tries++) {
      try {
        await this.members();
        return;
      } catch (error) {
        if (tries === 49) throw error;
      }
    }
  }

  /** What this agent believes of everybody, by name. */
  async members(): Promise<Map<string, SerfMember>> {
    const { members } = JSON.parse(await this.#command('members', '-format=json')) as {
      members: SerfMember[];
    };
    return new Map(members.map((member) => [member.name, member]));
  }

  async join(address: string): Promise<void> {
    await this.#command('join', address);
  }

  /** Leaves the cluster; resolves when the process has ended. */
  async leave(): Promise<void> {
    const ended = this.#ended();
    await this.#command('leave');
    await ended;
  }

  /** Kills the process, as a crash would. */
  async kill(): Promise<void> {
    const ended = this.#ended();
    this.#process?.kill('SIGKILL');
    await ended;
  }

  get #rpcAddress(): string {
    return `${this.ip}:7373`;
  }

  async #ended(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    await once(child, 'exit');
  }

  async #command(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('serf', [command, `-rpc-addr=${this.#rpcAddress}`, ...args]);
    return stdout;
  }
}
