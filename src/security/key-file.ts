/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Keys in a file: one base64 key per line, the first is the primary key. Empty lines and comments after '#' are
// ignored. The file is read again when it changes, also when it is replaced: by a rename, or by the symbolic links of
// a Kubernetes ConfigMap or Secret, which swap a sibling folder.
import { readFileSync, statSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../runtime/as-error.js';
import { Keyring } from './keyring.js';

/** Milliseconds between two polls, for file systems without change events (network file systems). */
const POLL_MS = 5_000;
/** Milliseconds after which the several events of one change have arrived. */
const SETTLE_MS = 100;
/** A key file has some hundred bytes; a larger file is not a key file. */
const MAX_BYTES = 64 * 1024;
/** Permission bits that must not be set: group write and execute, and all bits of others. The widest mode is 0640. */
const FORBIDDEN_MODE_BITS = 0o037;

/**
 * Parses the text of a key file.
 *
 * @throws Error that has the line number, and never the key
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
  if (primary === undefined) throw new Error('it has no key; it must have one base64 key per line');
  return new Keyring(primary, others);
}

/**
 * Reads a key file.
 *
 * @throws the system's error; Error with the number of a line that is not a valid key
 */
export function readKeyFile(path: string): Keyring {
  if (statSync(path).size > MAX_BYTES) throw new Error('it is too large for a key file');
  return parseKeys(readFileSync(path, 'utf8'));
}

/**
 * Makes a keyring equal to another one, in the order of a key rotation: add, use, remove.
 *
 * @returns whether the keyring changed
 */
export function applyKeys(keyring: Keyring, wanted: Keyring): boolean {
  const before = keyring.keys();
  const keys = wanted.keys();
  for (const key of keys) keyring.addKey(key);
  keyring.useKey(wanted.primaryKey);
  const isWanted = (key: Buffer): boolean => keys.some((other) => other.equals(key));
  for (const key of before) if (!isWanted(key)) keyring.removeKey(key);
  const isSamePrimary = before[0]?.equals(wanted.primaryKey) === true;
  return !isSamePrimary || before.length !== keys.length || !before.every(isWanted);
}

/** The dependencies of {@link KeyFile}. */
export interface KeyFileComponents {
  readonly clock: Clock;
  readonly report: (report: Report) => void;
  /** The keyring that receives the keys. */
  readonly keyring: Keyring;
}

/** Watches a key file. */
export class KeyFile {
  readonly #path: string;
  readonly #components: KeyFileComponents;
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  /** The last reported error and file mode, so that each is logged once. */
  #lastError = '';
  #lastMode = '';
  #isStopped = false;

  constructor(path: string, components: KeyFileComponents) {
    this.#path = path;
    this.#components = components;
  }

  /** Starts to watch, and applies a change since the file was read. */
  start(): void {
    try {
      // Watches the folder, because the file itself may be replaced. The watcher does not keep the process alive.
      const watcher = watch(dirname(this.#path), { persistent: false }, () => this.#arm(SETTLE_MS));
      watcher.on('error', () => watcher.close());
      this.#watcher = watcher;
    } catch {
      // Without a watcher, polling detects changes.
    }
    this.#check();
  }

  /** Stops watching. */
  stop(): void {
    this.#isStopped = true;
    this.#watcher?.close();
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    this.#timer = this.#components.clock.setTimer(delayMs, () => this.#check());
  }

  #check(): void {
    this.#arm(POLL_MS);
    const { report, keyring } = this.#components;
    const path = this.#path;
    try {
      this.#checkMode();
      if (applyKeys(keyring, readKeyFile(path))) {
        report({ code: 'key-file-read', path, keys: keyring.keys().length });
      }
      this.#lastError = '';
    } catch (thrown) {
      const error = asError(thrown);
      if (error.message === this.#lastError) return;
      this.#lastError = error.message;
      report({ code: 'key-file-failed', path, error });
    }
  }

  #checkMode(): void {
    if (process.platform === 'win32') return;
    const bits = statSync(this.#path).mode & 0o777;
    const mode = `0${bits.toString(8).padStart(3, '0')}`;
    if (mode === this.#lastMode) return;
    this.#lastMode = mode;
    if ((bits & FORBIDDEN_MODE_BITS) === 0) return;
    this.#components.report({ code: 'key-file-mode', path: this.#path, mode });
  }
}
