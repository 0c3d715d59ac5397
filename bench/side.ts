/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One of the two sides of a comparison: a process that executes tasks.

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Tasks } from './protocol.js';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Longer than any task takes. */
const patienceMs = 600_000;

/** The tasks of a kind of process, as functions. */
export type TaskTable<All> = { readonly [Name in keyof All]: (task: never) => unknown };

/** A process that executes tasks: by default those of the two sides. */
export class Side<All extends TaskTable<All> = Tasks> implements AsyncDisposable {
  /** Its name in error messages. */
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #log = '';

  /** @param command - the program and its arguments */
  constructor(name: string, [program, ...args]: readonly [string, ...string[]]) {
    this.name = name;
    this.#child = spawn(program, args);
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-10_000);
    });
    // Data written to a process that has just ended is lost; its end is reported below.
    this.#child.stdin.on('error', () => undefined);
    createInterface(this.#child.stdout).on('line', (line) => this.#take(line));
    this.#child.once('error', (error) => this.#fail(error.message));
    this.#child.once('exit', (code, signal) =>
      this.#fail(`ended (${code ?? signal ?? ''})\n${this.#log}`),
    );
  }

  /**
   * Executes a task.
   *
   * @throws the error of the process; an error if the process ended, or did not answer: if a packet is lost, a task may
   *   wait forever
   */
  async ask<Name extends keyof All & string>(
    name: Name,
    task: Parameters<All[Name]>[0],
  ): Promise<ReturnType<All[Name]>> {
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    if (this.#child.exitCode !== null) this.#fail('has ended');
    this.#child.stdin.write(`${JSON.stringify({ ...(task as object), id, do: name })}\n`);
    const timer = setTimeout(() => {
      this.#fail(`did not finish ${name} in ${patienceMs / 60_000} minutes`);
    }, patienceMs);
    try {
      return (await answer) as ReturnType<All[Name]>;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    this.#child.kill();
    await ended;
  }

  #take(line: string): void {
    const { id, result, error } = JSON.parse(line) as Answer;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(`${this.name}: ${error}`));
  }

  #fail(what: string): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new Error(`${this.name} ${what}`));
  }
}
