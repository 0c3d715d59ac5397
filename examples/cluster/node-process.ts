/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node process, from the director's side.
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Place } from './addresses.js';
import type { Command, MemberView, Report } from './messages.js';

const nodeFile = fileURLToPath(new URL('./node.ts', import.meta.url));

/** The state of a process, as far as the director knows. */
export type Phase = 'starting' | 'running' | 'left' | 'killed' | 'stopping' | 'ended' | 'crashed';

export interface NodeProcessOptions {
  readonly name: string;
  readonly place: Place;
  readonly meta: string;
  readonly onReport: (report: Report, from: NodeProcess) => void;
  readonly onExit: (from: NodeProcess) => void;
}

/** A node process. It starts when it is constructed. */
export class NodeProcess {
  readonly name: string;
  readonly place: Place;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #phase: Phase = 'starting';
  #members: readonly MemberView[] = [];
  #lastError = '';

  constructor({ name, place, meta, onReport, onExit }: NodeProcessOptions) {
    this.name = name;
    this.place = place;
    // `fork` passes the director's own `--import tsx` on.
    this.#child = fork(nodeFile, [name, place.host, String(place.port), meta], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastError = (this.#lastError + text).slice(-2_000);
    });
    this.#child.on('message', (report: Report) => {
      if (report.type === 'ready') this.#phase = 'running';
      if (report.type === 'view') this.#members = report.members;
      if (report.type === 'failed') this.#lastError = report.message;
      onReport(report, this);
    });
    // 'close' is emitted after the last message and the end of stderr.
    this.ended = new Promise((resolve) => {
      this.#child.once('close', () => {
        if (this.#phase === 'stopping') this.#phase = 'ended';
        else if (this.#phase !== 'killed' && this.#phase !== 'left') this.#phase = 'crashed';
        onExit(this);
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }
  get phase(): Phase {
    return this.#phase;
  }
  /** Whether the process runs and is a member. */
  get isObserver(): boolean {
    return this.#phase === 'running' && !this.hasExited;
  }
  /** Whether its last view counts: it runs, or ran until all were stopped. */
  get isObserverUntilStop(): boolean {
    return this.isObserver || this.#phase === 'stopping' || this.#phase === 'ended';
  }
  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
  get endedCleanly(): boolean {
    return this.#child.exitCode === 0;
  }
  /** How it ended, and its last error message. */
  get ending(): string {
    const how = this.#child.signalCode ?? `exit code ${this.#child.exitCode ?? 'none'}`;
    const error = this.#lastError.trim();
    return `${this.name} ended with ${how}${error === '' ? '' : `: ${error}`}`;
  }
  /** Its last reported view of all members. */
  get members(): readonly MemberView[] {
    return this.#members;
  }

  /** Its last reported view of a member. */
  view(name: string): MemberView | undefined {
    return this.#members.find((member) => member.name === name);
  }

  /** Sends a command. After `leave` and `shutdown` its process ends. */
  send(command: Command): void {
    if (command.type === 'leave') this.#phase = 'left';
    if (command.type === 'shutdown') this.#phase = 'stopping';
    if (this.#child.connected) this.#child.send(command, () => undefined);
  }

  /** Kills it with SIGKILL, so that it cannot notify any other node. */
  kill(): void {
    this.#phase = 'killed';
    this.#child.kill('SIGKILL');
  }
}
