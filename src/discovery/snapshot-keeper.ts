/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Reads the snapshot when a node starts, and writes it after changes, every few seconds at most. Failures are reported
// and do not affect membership.
import type { ResolvedConfig } from '../config/options.js';
import type { Clock, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../runtime/as-error.js';
import { ConfigError } from '../errors.js';
import { limits } from '../wire/limits.js';
import { decodeSnapshot, encodeSnapshot, type Snapshot } from './snapshot.js';
import type { SnapshotFiles } from './snapshot-files.js';

const SOON_MS = 1_000;
const PAUSE_MS = 5_000;

/** What reading and writing snapshots needs. */
export interface KeeperComponents {
  readonly config: ResolvedConfig;
  readonly report: (report: Report) => void;
  readonly files: SnapshotFiles;
}

/**
 * Reads the snapshot; undefined when there is none, or it cannot be used.
 *
 * @throws ConfigError when the path is not that of a regular file, or its folder does not exist
 */
export async function readSnapshot(components: KeeperComponents): Promise<Snapshot | undefined> {
  const { config, report, files } = components;
  if (config.snapshot === undefined) return undefined;
  const { path } = config.snapshot;
  const rule = await files.problemWith(path);
  if (rule !== undefined) throw new ConfigError([{ field: 'snapshot.path', value: path, rule }]);
  try {
    const text = await files.read(path);
    if (text === undefined) return undefined;
    try {
      if (text.length > limits.snapshotBytes) throw new Error('it is too large');
      return decodeSnapshot(text);
    } catch (error) {
      const aside = await files.setAside(path);
      report({ code: 'snapshot-corrupt', path, aside, error: asError(error) });
    }
  } catch (error) {
    report({ code: 'snapshot-failed', path, error: asError(error) });
  }
  return undefined;
}

/** Writes the snapshots of one node. */
export class SnapshotKeeper {
  readonly #clock: Clock;
  readonly #files: SnapshotFiles;
  readonly #path: string | undefined;
  readonly #report: (report: Report) => void;
  readonly #failed: (error: unknown) => void;
  readonly #current: () => Snapshot;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #wroteAt = -Infinity;
  #written: string | undefined;
  #hasFailed = false;
  #isClosed = false;
  #hasChanged = false;

  /**
   * @param components.failed - called with an exception of this library
   * @param init.current - returns the snapshot to write
   */
  constructor(
    { config, report, files, failed }: KeeperComponents & { failed: (error: unknown) => void },
    init: { current: () => Snapshot },
  ) {
    this.#clock = config.clock;
    this.#files = files;
    this.#path = config.snapshot?.path;
    this.#report = report;
    this.#failed = failed;
    this.#current = init.current;
  }

  /** The snapshot may have changed. */
  changed(): void {
    this.#hasChanged = true;
    if (this.#path === undefined || this.#isClosed || this.#timer !== undefined) return;
    const delayMs = Math.max(SOON_MS, this.#wroteAt + PAUSE_MS - this.#clock.now());
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#write();
    });
  }

  /** Writes the last snapshot and cancels the timer. Resolves when the write has ended. */
  close(): Promise<void> {
    if (this.#isClosed) return this.#writing;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    // A node that could not start leaves the file of its earlier run as it is.
    if (this.#path !== undefined && this.#hasChanged) this.#write();
    return this.#writing;
  }

  #write(): void {
    const path = this.#path as string;
    this.#wroteAt = this.#clock.now();
    let text: string;
    try {
      text = encodeSnapshot(this.#current());
    } catch (error) {
      // Retries after the usual pause.
      this.changed();
      this.#failed(error);
      return;
    }
    if (text === this.#written) return;
    this.#written = text;
    this.#writing = this.#writing
      .then(() => this.#files.replace(path, text))
      .then(
        () => void (this.#hasFailed = false),
        (error: unknown) => this.#notWritten(path, error),
      )
      .catch(this.#failed);
  }

  #notWritten(path: string, error: unknown): void {
    this.#written = undefined;
    // Once until a write succeeds: a full disk stays full for a while.
    if (!this.#hasFailed) this.#report({ code: 'snapshot-failed', path, error: asError(error) });
    this.#hasFailed = true;
    this.changed();
  }
}
