/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node as a separate process: commands go in as lines of JSON, answers and events come out.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Peer, type Command, type PeerEvent, type PeerSettings } from './peer.js';

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

type Line =
  | { readonly ready: true }
  | { readonly id: number; readonly result?: unknown; readonly error?: string }
  | PeerEvent;

export class PeerProcess extends Peer {
  readonly #command: readonly [program: string, ...args: string[]];
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcessWithoutNullStreams | undefined;
  #lastId = 0;
  #log = '';

  /** @param command - the program and its arguments; the settings follow as JSON */
  constructor(command: readonly [program: string, ...args: string[]], settings: PeerSettings) {
    super(settings);
    this.#command = command;
  }

  override get log(): string {
    return this.#log;
  }

  override async start(): Promise<void> {
    const [program, ...args] = this.#command;
    const child = spawn(program, [...args, JSON.stringify(this.settings)]);
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    // Writes to a process that has just been killed are lost, and that is all.
    child.stdin.on('error', () => undefined);
    const ready = new Promise<void>((resolve, reject) => {
      createInterface(child.stdout).on('line', (text) => {
        const line = JSON.parse(text) as Line;
        if ('ready' in line) resolve();
        else this.#take(line);
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        const error = new Error(`${this.name} ended (${code ?? signal}):\n${this.#log}`);
        reject(error);
        for (const waiting of this.#waiting.values()) waiting.reject(error);
        this.#waiting.clear();
      });
    });
    await ready;
  }

  override async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  protected override call(command: Command): Promise<unknown> {
    const id = ++this.#lastId;
    const { stdin } = this.#child ?? {};
    if (stdin?.writable !== true) return Promise.reject(new Error(`${this.name} does not run`));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      stdin.write(`${JSON.stringify({ ...command, id })}\n`);
    });
  }

  #take(line: Exclude<Line, { ready: true }>): void {
    if ('event' in line) {
      this.emit(line);
      return;
    }
    const waiting = this.#waiting.get(line.id);
    this.#waiting.delete(line.id);
    if (line.error === undefined) waiting?.resolve(line.result);
    else waiting?.reject(new Error(`${this.name}: ${line.error}`));
  }
}
