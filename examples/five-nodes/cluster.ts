/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The nodes as the director sees them: their processes, what they believe, what they noticed.
import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { Belief, EventType, FromNode, NodeOptions, ToNode } from './messages.js';

/** Something that a node noticed about another. */
export interface Notice {
  readonly observer: string;
  readonly type: EventType;
  readonly about: string;
  /** Milliseconds of the system's clock. */
  readonly at: number;
}

interface NodeProcess {
  readonly child: ChildProcess;
  readonly address: string;
}

/** The node processes of the example. Emits `change` whenever one has told something. */
export class Cluster extends EventEmitter<{ change: []; notice: [Notice] }> {
  /** What each running node believes, by observer and then by member. */
  readonly views = new Map<string, Readonly<Record<string, Belief>>>();
  readonly notices: Notice[] = [];
  readonly #processes = new Map<string, NodeProcess>();
  readonly #script: URL;

  constructor(init: { script: URL }) {
    super();
    this.#script = init.script;
  }

  /** Names of the nodes that run. */
  get running(): string[] {
    return [...this.#processes.keys()];
  }

  addressOf(name: string): string {
    const found = this.#processes.get(name);
    if (found === undefined) throw new Error(`${name} does not run`);
    return found.address;
  }

  /** Starts a node; rejects with the node's error code when it cannot bind. */
  async start(options: NodeOptions): Promise<void> {
    const child = fork(this.#script, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] });
    const starting = new Promise<string>((resolve, reject) => {
      child.on('message', (message: FromNode) => {
        if (message.kind === 'ready') resolve(message.address);
        else if (message.kind === 'cannot-start') {
          reject(Object.assign(new Error(message.message), { code: message.code }));
        } else this.#heard(options.name, message);
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${options.name} ended with code ${code}`)));
    });
    this.#processes.set(options.name, { child, address: '' });
    child.once('exit', () => this.#gone(options.name));
    this.#processes.set(options.name, { child, address: await starting });
  }

  order(name: string, order: ToNode): void {
    this.#processes.get(name)?.child.send(order);
  }

  /** SIGKILL: the process gets no chance to say anything. */
  async kill(name: string): Promise<void> {
    const child = this.#processes.get(name)?.child;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Ends all processes; those that do not go by themselves are killed. */
  async stop(): Promise<void> {
    const children = [...this.#processes.values()].map(({ child }) => child);
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exit = once(child, 'exit');
        const impatience = setTimeout(() => child.kill('SIGKILL'), 1000);
        if (child.connected) child.disconnect();
        await exit;
        clearTimeout(impatience);
      }),
    );
  }

  /** At once, when there is no time to wait. */
  killAll(): void {
    for (const { child } of this.#processes.values()) child.kill('SIGKILL');
  }

  /** Waits until the nodes have told what is waited for. */
  async until(what: string, isSo: () => boolean, withinMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(withinMs);
    while (!isSo()) {
      try {
        await once(this, 'change', { signal: deadline });
      } catch {
        throw new Error(`not within ${withinMs / 1000} s: ${what}`);
      }
    }
  }

  #heard(observer: string, message: FromNode): void {
    if (message.kind === 'view') this.views.set(observer, message.beliefs);
    if (message.kind === 'event') {
      const { type, about, at } = message;
      const notice = { observer, type, about, at };
      this.notices.push(notice);
      this.emit('notice', notice);
    }
    this.emit('change');
  }

  #gone(name: string): void {
    this.#processes.delete(name);
    this.views.delete(name);
    this.emit('change');
  }
}
