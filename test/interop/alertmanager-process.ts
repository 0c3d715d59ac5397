/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One `prometheus-alertmanager` process from Debian at its own IP, queried through its web API.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';

const run = promisify(execFile);
const PROGRAM = 'prometheus-alertmanager';
const CONFIGURATION = 'route:\n  receiver: none\nreceivers:\n  - name: none\n';
const SILENCE_MS = 3_600_000;

/** One member of the cluster in an Alertmanager's status. */
export interface AlertmanagerPeer {
  readonly name: string;
  readonly address: string;
}

interface Status {
  readonly cluster: { readonly name: string; readonly peers: readonly AlertmanagerPeer[] };
}

/** The version that the program reports, such as `0.25.0`. */
export async function alertmanagerVersion(): Promise<string> {
  const { stdout, stderr } = await run(PROGRAM, ['--version']);
  const version = /version (\S+)/.exec(stdout + stderr)?.[1];
  if (version === undefined) throw new Error(`${PROGRAM} does not report its version: ${stdout}`);
  return version;
}

/** A running Alertmanager and its log. */
export class Alertmanager {
  readonly ip: string;
  readonly #seeds: readonly string[];
  #folder: string | undefined;
  #process: ChildProcess | undefined;
  #log = '';
  #name = '';

  /** @param init - `seeds` are the values of `--cluster.peer`: `ip:port` */
  constructor(init: { ip: string; seeds?: readonly string[] }) {
    this.ip = init.ip;
    this.#seeds = init.seeds ?? [];
  }

  /** The gossip address. */
  get address(): string {
    return `${this.ip}:9094`;
  }

  /** The name that the process chose; a different one after each start. */
  get name(): string {
    return this.#name;
  }

  /** The logged lines, including those before a restart. */
  get log(): readonly string[] {
    return this.#log.split('\n');
  }

  /** Starts the program; resolves when it answers. A restart keeps the stored data. */
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
    // A later exit is expected.
    ended.catch(() => undefined);
    this.#name = status?.cluster.name ?? '';
  }

  /** The members of its cluster according to its status page, including itself. */
  async peers(): Promise<readonly AlertmanagerPeer[]> {
    return (await this.#status()).cluster.peers;
  }

  /** Creates a silence with this comment, for an hour. */
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

  /** The comments of all silences that it knows. */
  async silences(): Promise<readonly string[]> {
    const silences = (await this.#ask('silences')) as readonly { comment: string }[];
    return silences.map(({ comment }) => comment);
  }

  /** Ends the process: SIGTERM makes it leave its cluster, SIGKILL is a crash. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  /** Kills the process, if it runs, and removes its stored data. */
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
