/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One `prometheus-alertmanager` process of Debian's on an IP of its own, asked through its web API.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';

const run = promisify(execFile);
const PROGRAM = 'prometheus-alertmanager';
const CONFIGURATION = 'route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n';
const SILENCE_MS = 3_600_000;

/** What an Alertmanager's status says of one member of its cluster. */
export interface AlertmanagerPeer {
  readonly name: string;
  readonly address: string;
}

interface Status {
  readonly cluster: { readonly name: string; readonly peers: readonly AlertmanagerPeer[] };
}

/** What the program calls its own version, such as `0.25.0`. */
export async function alertmanagerVersion(): Promise<string> {
  const { stdout, stderr } = await run(PROGRAM, ['--version']);
  const version = /version (\S+)/.exec(stdout + stderr)?.[1];
  if (version === undefined) throw new Error(`${PROGRAM} does not tell its version: ${stdout}`);
  return version;
}

/** A running Alertmanager, and what it logged. */
export class Alertmanager {
  readonly ip: string;
  readonly #seeds: readonly string[];
  #folder: string | undefined;
  #process: ChildProcess | undefined;
  #log = '';
  #name = '';

  /** @param init - the seeds are what `--cluster.peer` takes: `ip:port` */
  constructor(init: { ip: string; seeds?: readonly string[] }) {
    this.ip = init.ip;
    this.#seeds = init.seeds ?? [];
  }

  /** Where it gossips. */
  get address(): string {
    return `${this.ip}:9094`;
  }

  /** The name that it gave itself; another one after each start. */
  get name(): string {
    return this.#name;
  }

  /** The lines that were logged, also before a restart. */
  get log(): readonly string[] {
    return this.#log.split('\n');
  }

  /** Starts the program; resolves when it answers. What it stored before is there again. */
  async start(): Promise<void> {
    this.#folder ??= await mkdtemp(join(tmpdir(), 'memberlist-alertmanager-'));
    const configuration = join(this.#folder, 'alertmanager.yml');
    await writeFile(configuration, CONFIGURATION);
    const child = spawn(
      PROGRAM,
      [
        `--config.file=${configuration}`,
        `--storage.path=${join(this.#folder, 'data')}`,
        `--web.listen-address=${this.ip}:9093`,
        `--cluster.listen-address=${this.address}`,
        ...this.#seeds.map((seed) => `--cluster.peer=${seed}`),
        '--log.level=debug',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#process = child;
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    }
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${PROGRAM} ended with ${code}:\n${this.#log}`);
    });
    const answers = eventually(
      `${PROGRAM} at ${this.ip} answers`,
      () => this.#status().catch(() => undefined),
      (status) => status !== undefined,
    );
    const status = await Promise.race([answers, ended]);
    // That it ends later is no news to anybody.
    ended.catch(() => undefined);
    this.#name = status?.cluster.name ?? '';
  }

  /** Who is in its cluster, by its status page; itself included. */
  async peers(): Promise<readonly AlertmanagerPeer[]> {
    return (await this.#status()).cluster.peers;
  }

  /** Creates a silence with that comment, for an hour. */
  async silence(comment: string): Promise<void> {
    const now = Date.now();
    const silence = {
      matchers: [{ name: 'alertname', value: 'any', isRegex: false, isEqual: true }],
      startsAt: new Date(now).toISOString(),
      endsAt: new Date(now + SILENCE_MS).toISOString(),
      createdBy: 'interop',
      comment,
    };
    await this.#ask('silences', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(silence),
    });
  }

  /** The comments of the silences that it knows. */
  async silences(): Promise<readonly string[]> {
    const silences = (await this.#ask('silences')) as readonly { comment: string }[];
    return silences.map(({ comment }) => comment);
  }

  /** Ends the process: SIGTERM lets it leave its cluster, SIGKILL is a crash. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  /** Kills the process, if it runs, and removes what it stored. */
  async remove(): Promise<void> {
    await this.end('SIGKILL');
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  async #status(): Promise<Status> {
    return (await this.#ask('status')) as Status;
  }

  async #ask(what: string, init: RequestInit = {}): Promise<unknown> {
    const response = await fetch(`http://${this.ip}:9093/api/v2/${what}`, init);
    if (!response.ok) throw new Error(`${what}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}
