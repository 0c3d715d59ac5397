/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A keyring in a file, in Serf's format: a JSON list of base64 keys, the primary key first.
import { readFileSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { ConfigError, Keyring, type ExtensionContext } from '../index.js';
import { serfLimits } from './limits.js';

const MAX_BYTES = 64 * 1024;
/** Only the owner reads keys. */
const MODE = 0o600;

/**
 * Reads the keyring of a file that `serf keygen` and `serf keys`, or the option `keyringFile`, wrote.
 *
 * @throws ConfigError when the file is no list of keys, without the keys; the system's error when it cannot be read
 */
export function readKeyringFile(path: string): Keyring {
  const isTooLarge = statSync(path).size > MAX_BYTES;
  const keys = isTooLarge ? undefined : keysIn(readFileSync(path, 'utf8'));
  const [primary, ...others] = keys ?? [];
  if (primary === undefined || others.length >= serfLimits.keys) {
    const rule = `must be a file with a JSON list of 1 to ${serfLimits.keys} base64 keys`;
    throw new ConfigError([{ field: 'keyringFile', value: path, rule }]);
  }
  return new Keyring(primary, others);
}

/** The file of one node's keys. */
export class KeyringFile {
  readonly #path: string;
  readonly #keyring: Keyring;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, keyring: Keyring) {
    this.#path = path;
    this.#keyring = keyring;
  }

  /**
   * Gives the node the keys of the file, if there is one.
   *
   * @throws ConfigError when it is no keyring or cannot be read
   */
  load(): void {
    let saved: Keyring;
    try {
      saved = readKeyringFile(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      if (error instanceof ConfigError) throw error;
      const rule = `cannot be read: ${(error as Error).message}`;
      throw new ConfigError([{ field: 'keyringFile', value: this.#path, rule }], { cause: error });
    }
    const keys = saved.keys();
    for (const key of keys) this.#keyring.addKey(key);
    this.#keyring.useKey(saved.primaryKey);
    for (const key of this.#keyring.keys()) {
      if (!keys.some((other) => other.equals(key))) this.#keyring.removeKey(key);
    }
  }

  /** Writes the keys as they are now, after those of earlier calls. @throws the system's error */
  save(): Promise<void> {
    const keys = this.#keyring.keys().map((key) => key.toString('base64'));
    const written = this.#writing.then(() =>
      replaceFile(this.#path, JSON.stringify(keys, null, 2)),
    );
    this.#writing = written.catch(() => undefined);
    return written;
  }
}

/**
 * The file of a node's keys, which the node then has; undefined without one.
 *
 * @throws ConfigError when the node has no keys, or those of another file; when the file cannot be read
 */
export function keyringFileOf(
  { keyring, keyFile }: Pick<ExtensionContext, 'keyring' | 'keyFile'>,
  path: string | undefined,
): KeyringFile | undefined {
  if (path === undefined) return undefined;
  const field = 'keyringFile';
  if (keyring === undefined) {
    const rule =
      'requires encryption: give the node a secretKey or a keyring, which the file replaces';
    throw new ConfigError([{ field, value: path, rule }]);
  }
  if (keyFile !== undefined) {
    const rule =
      'cannot be combined with the keyFile of the node, which overrides it; use a secretKey';
    throw new ConfigError([{ field, value: path, rule }]);
  }
  const file = new KeyringFile(path, keyring);
  file.load();
  return file;
}

/** Replaces a file in one step, so that there is always a complete one. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w', MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

function keysIn(text: string): string[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    const isList = Array.isArray(list) && list.every((key) => typeof key === 'string');
    if (!isList) return undefined;
    const keys = list;
    for (const key of keys) new Keyring(key);
    return keys;
  } catch {
    return undefined;
  }
}
