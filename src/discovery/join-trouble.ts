/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Why a node cannot join others, as far as it can know: the last failed attempt, and whether it receives traffic of
// nodes with another label or key.
import type { Report } from '../core/reports.js';
import { JoinError, TimeoutError } from '../errors.js';

/** Collects from a node's reports what the errors of `join` and `ready` contain. */
export class JoinTrouble {
  #last: { readonly peer: string; readonly error: Error } | undefined;
  #labels: { readonly theirs: string; readonly ours: string } | undefined;
  #undecryptable: string | undefined;

  /** Evaluates one report. Cheap, as each dropped packet is a report. */
  observe(report: Report): void {
    switch (report.code) {
      case 'packet-dropped':
      case 'stream-dropped':
        if (report.reason === 'undecryptable') this.#undecryptable = report.detail;
        return;
      case 'foreign-label':
        this.#labels = report;
        return;
      case 'rejoin-failed':
      case 'seeds-failed':
        this.#last = { peer: report.peer ?? 'seeds', error: report.error };
        return;
      case 'rejoined':
        this.over();
    }
  }

  /** Remembers the result of a `join`. */
  async watch<T>(join: Promise<T>): Promise<T> {
    try {
      const result = await join;
      this.over();
      return result;
    } catch (error) {
      const last = error instanceof JoinError ? error.failures.at(-1) : undefined;
      if (last !== undefined) this.#last = { peer: last.address ?? last.seed, error: last.error };
      throw error;
    }
  }

  /** Another node was joined: earlier failures do not explain later ones. */
  over(): void {
    this.#last = undefined;
    this.#labels = undefined;
    this.#undecryptable = undefined;
  }

  /** The error of a `ready` that timed out, with what is known of the cause. */
  notReady(timeoutMs: number, members: { present: number; required: number }): TimeoutError {
    const details = [`${members.present} of ${members.required} members are present`];
    const last = this.#last;
    if (last) details.push(`the last attempt was ${last.peer}: ${last.error.message}`);
    const likelyCause = this.likelyCause();
    if (likelyCause !== undefined) details.push(`likely cause: ${likelyCause}`);
    return new TimeoutError('ready', timeoutMs, { details });
  }

  /** The likely cause, if it is the label or the key; otherwise undefined. */
  likelyCause(errors: readonly Error[] = this.#last ? [this.#last.error] : []): string | undefined {
    if (this.#labels !== undefined) {
      const { theirs, ours } = this.#labels;
      return `another label: others have ${labelled(theirs)}, this node has ${labelled(ours)}; set the same label on all`;
    }
    const texts = [...errors.map(causesOf), this.#undecryptable ?? ''];
    const says = (words: string): boolean => texts.some((text) => text.includes(words));
    if (says('this node has no key')) {
      return says('the peer says') || says('reports')
        ? 'a key that is missing on one side: give all members the same key (secretKey, keyring or keyFile)'
        : 'a missing key: the cluster is encrypted and this node has no key; set secretKey, keyring or keyFile';
    }
    if (says('this cluster is encrypted')) {
      return 'a missing key: one side is encrypted and the other is not; give all members the same key';
    }
    if (says('no installed key opens it')) {
      return 'a wrong key: none of our keys opens what others send, or theirs what we send; give all members the same key';
    }
    if (says('closed without an answer') || says('broke off')) {
      return 'a wrong label or key: the seed took the connection and closed it without an answer';
    }
    return undefined;
  }
}

/** The texts of an error and of its causes. */
function causesOf(error: Error): string {
  const texts: string[] = [];
  for (let each: unknown = error; each instanceof Error && texts.length < 8; each = each.cause) {
    texts.push(each.message);
  }
  return texts.join('; ');
}

function labelled(label: string): string {
  return label === '' ? 'no label' : JSON.stringify(label);
}
