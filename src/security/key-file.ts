/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Keys in a file: one a line, in base64, the first is the primary. Empty lines, and what follows a '#', do not count.
// The file is read again when it changes, also when it is replaced as a whole: by a rename, or by the symbolic links
// of a ConfigMap or Secret of Kubernetes, which swap a folder beside it.
import { readFileSync, statSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../runtime/as-error.js';
import { Keyring } from './keyring.js';

/** How often the file is looked at where the system does not tell of changes (network file systems), in milliseconds. */
const POLL_MS = 5_000;
/** A change is several events of the system; they have settled after so many milliseconds. */
const SETTLE_MS = 100;
/** A key file is some hundred bytes; more is another file. */
const MOST_BYTES = 64 * 1024;
/** Who may write or run it beside the owner, and everybody else: 0640 is the widest mode. */
const TOO_WIDE = 0o037;

/**
 * The keys in the text of a key file.
 *
 * @throws Error that names the line, and never the key
 */
export function parseKeys(text: string): Keyring {
  const keys: string[] = [];
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const key = line.replace(/#.*/, '').trim();
    if (key === '') continue;
    const problem = Keyring.problemWith(key);
    if (problem !== undefined) throw new Error(`line ${i + 1} ${problem}`);
    keys.push(key);
  }
  const [primary, ...others] = keys;
  if (primary === undefined)
    throw new Error('it has no key; there must be one key a line, in base64');
  return new Keyring(primary, others);
}

/**
 * Reads a key file.
 *
 * @throws the system's error; Error that names the line that is no key
 */
export function readKeyFile(path: string): Keyring {
  if (statSync(path).size > MOST_BYTES) throw new Error('it is too long for a key file');
  return parseKeys(readFileSync(path, 'utf8'));
}

/** Brings a keyring in line with another, in the order of a rotation: add, use, remove. True when that changed it. */
export function takeKeys(keyring: Keyring, wanted: Keyring): boolean {
  const before = keyring.keys();
  const keys = wanted.keys();
  for (const key of keys) keyring.addKey(key);
  keyring.useKey(wanted.primaryKey);
  const isWanted = (key: Buffer): boolean => keys.some((other) => other.equals(key));
  for (const key of before) if (!isWanted(key)) keyring.removeKey(key);
  const isSamePrimary = before[0]?.equals(wanted.primaryKey) === true;
  return !isSamePrimary || before.length !== keys.length || !before.every(isWanted);
}

/** What {@link KeyFile} works with. */
export interface KeyFileComponents {
  readonly clock: Clock;
  readonly report: (report: Report) => void;
  /** What the keys go into. */
  readonly keyring: Keyring;
}

/** Watches a key file. */
export class KeyFile {
  readonly #path: string;
  readonly #components: KeyFileComponents;
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  /** What was reported last of the file, so that a fault is logged once. */
  #fault = '';
  #mode = '';
  #isStopped = false;

  constructor(path: string, components: KeyFileComponents) {
    this.#path = path;
    this.#components = components;
  }

  /** Begins to watch; what has changed since the file was read is taken. */
  start(): void {
    try {
      // The folder, as the file itself may be replaced. It does not keep the process alive.
      const watcher = watch(dirname(this.#path), { persistent: false }, () => this.#arm(SETTLE_MS));
      watcher.on('error', () => watcher.close());
      this.#watcher = watcher;
    } catch {
      // Looking at it now and then has to do.
    }
    this.#look();
  }

  /** Ends the watching. */
  stop(): void {
    this.#isStopped = true;
    this.#watcher?.close();
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    this.#timer = this.#components.clock.setTimer(delayMs, () => this.#look());
  }

  #look(): void {
    this.#arm(POLL_MS);
    const { report, keyring } = this.#components;
    const path = this.#path;
    try {
      this.#checkMode();
      if (takeKeys(keyring, readKeyFile(path))) {
        report({ code: 'key-file-read', path, keys: keyring.keys().length });
      }
      this.#fault = '';
    } catch (thrown) {
      const error = asError(thrown);
      if (error.message === this.#fault) return;
      this.#fault = error.message;
      report({ code: 'key-file-failed', path, error });
    }
  }

  #checkMode(): void {
    if (process.platform === 'win32') return;
    const bits = statSync(this.#path).mode & 0o777;
    const mode = `0${bits.toString(8).padStart(3, '0')}`;
    if (mode === this.#mode) return;
    this.#mode = mode;
    if ((bits & TOO_WIDE) === 0) return;
    this.#components.report({ code: 'key-file-mode', path: this.#path, mode });
  }
}
