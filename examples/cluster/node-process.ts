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

/** What a process is doing, so far as the director knows. */
export type Phase = 'starting' | 'running' | 'left' | 'killed' | 'stopping' | 'ended' | 'crashed';

export interface NodeProcessOptions {
  readonly name: string;
  readonly place: Place;
  readonly meta: string;
  readonly onReport: (report: Report, from: NodeProcess) => void;
  readonly onExit: (from: NodeProcess) => void;
}

/** A node process. It runs from the moment it is constructed. */
export class NodeProcess {
  readonly name: string;
  readonly place: Place;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  #phase: Phase = 'starting';
  #view: readonly MemberView[] = [];
  #complaint = '';

  constructor({ name, place, meta, onReport, onExit }: NodeProcessOptions) {
    this.name = name;
    this.place = place;
    // The director's own `--import tsx` is passed on by `fork`.
    this.#child = fork(nodeFile, [name, place.host, String(place.port), meta], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-2_000);
    });
    this.#child.on('message', (report: Report) => {
      if (report.type === 'ready') this.#phase = 'running';
      if (report.type === 'view') this.#view = report.members;
      if (report.type === 'failed') this.#complaint = report.message;
      onReport(report, this);
    });
    // 'close' comes after the last message and the last of stderr were read.
    this.gone = new Promise((resolve) => {
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
  /** Whether the process can still see something. */
  get isObserver(): boolean {
    return this.#phase === 'running' && !this.hasExited;
  }
  /** Whether its last view counts: it runs, or ran until all were told to stop. */
  get isWitness(): boolean {
    return this.isObserver || this.#phase === 'stopping' || this.#phase === 'ended';
  }
  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
  get endedWell(): boolean {
    return this.#child.exitCode === 0;
  }
  /** How it ended and what it said last about what went wrong, in words. */
  get ending(): string {
    const how = this.#child.signalCode ?? `exit code ${this.#child.exitCode ?? 'none'}`;
    const complaint = this.#complaint.trim();
    return `${this.name} ended with ${how}${complaint === '' ? '' : `: ${complaint}`}`;
  }
  /** Its view of the membership, as it last reported it. */
  get view(): readonly MemberView[] {
    return this.#view;
  }

  /** Another member, as this one sees it. */
  sees(name: string): MemberView | undefined {
    return this.#view.find((member) => member.name === name);
  }

  /** Tells it to do something. After `leave` and `shutdown` its process ends. */
  tell(command: Command): void {
    if (command.type === 'leave') this.#phase = 'left';
    if (command.type === 'shutdown') this.#phase = 'stopping';
    if (this.#child.connected) this.#child.send(command, () => undefined);
  }

  /** Ends it with SIGKILL: it has no chance to say anything to anybody. */
  kill(): void {
    this.#phase = 'killed';
    this.#child.kill('SIGKILL');
  }
}
