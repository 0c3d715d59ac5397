/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The keys of a cluster. The primary seals what we send, every key may open what we receive; that
// is what makes rotation possible without an outage: add everywhere, use everywhere, remove
// everywhere. Keys live in KeyObjects, so nothing that prints an object can print one.
import { createSecretKey, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import { inspect, types } from 'node:util';
import { ConfigError } from '../errors.js';

/** A key of 16, 24 or 32 bytes (AES-128, AES-192, AES-256), or the base64 text of one. */
export type Key = Uint8Array | string;

const keyLengths: readonly number[] = [16, 24, 32];
const lengthRule = 'must be 16, 24 or 32 bytes, or base64 of that';
const hidden = '[hidden]';

/** The keys that this node may use; as in Go memberlist, the first is the primary. */
export class Keyring {
  /** The primary first. Replaced as a whole by every change, so that a reader's copy stays whole. */
  #keys: readonly [KeyObject, ...KeyObject[]];

  /**
   * @param primary - the key that seals what we send
   * @param others - further keys that may open what we receive
   * @throws ConfigError when a key has another length than 16, 24 or 32 bytes
   */
  constructor(primary: Key, others: readonly Key[] = []) {
    this.#keys = [toKeyObject(primary)];
    for (const key of others) this.addKey(key);
  }

  /**
   * A new random key, to be shared with all nodes of the cluster.
   *
   * @param bytes - 16, 24 or 32 (the default) for AES-128, AES-192 or AES-256
   * @throws ConfigError for another length
   */
  static generate(bytes = 32): Buffer {
    if (!keyLengths.includes(bytes)) {
      throw new ConfigError([{ field: 'bytes', value: bytes, rule: 'must be 16, 24 or 32' }]);
    }
    return randomBytes(bytes);
  }

  /**
   * The rule that a value breaks as a key, or undefined if it is one.
   *
   * @internal
   */
  static problemWith(key: unknown): string | undefined {
    return bytesOf(key) === undefined ? lengthRule : undefined;
  }

  /** A copy of the key that seals what we send. */
  get primaryKey(): Buffer {
    return this.#keys[0].export();
  }

  /** Copies of all keys, the primary first. */
  keys(): Buffer[] {
    return this.#keys.map((key) => key.export());
  }

  /**
   * Installs a key: what it sealed can be opened from now on. A key that is installed already stays
   * as it is.
   *
   * @throws ConfigError when the key has a wrong length
   */
  addKey(key: Key): void {
    const added = toKeyObject(key);
    if (!this.#holds(added)) this.#keys = [...this.#keys, added];
  }

  /**
   * Makes an installed key the primary one.
   *
   * @throws ConfigError when the key has a wrong length or was not added before
   */
  useKey(key: Key): void {
    const primary = toKeyObject(key);
    if (!this.#holds(primary)) throw keyError('must be installed with addKey before it is used');
    this.#keys = [primary, ...this.#keys.filter((other) => !same(other, primary))];
  }

  /**
   * Removes a key: what it sealed is not opened any more. A key that is not installed is no error.
   *
   * @throws ConfigError when the key has a wrong length or is the primary one
   */
  removeKey(key: Key): void {
    const removed = toKeyObject(key);
    const [primary, ...others] = this.#keys;
    if (same(primary, removed)) {
      throw keyError('must not be the primary key; make another one primary with useKey first');
    }
    this.#keys = [primary, ...others.filter((other) => !same(other, removed))];
  }

  /**
   * For the cipher: the keys to try, the primary first. The array does not change; after a change
   * of the keyring there is another one.
   *
   * @internal
   */
  openingKeys(): readonly KeyObject[] {
    return this.#keys;
  }

  /** Tells how many keys there are, never which. */
  toJSON(): { keys: number } {
    return { keys: this.#keys.length };
  }

  /** What `util.inspect` and `console.log` show: how many keys there are, never which. */
  [inspect.custom](): string {
    return `Keyring { keys: ${this.#keys.length} }`;
  }

  #holds(key: KeyObject): boolean {
    return this.#keys.some((other) => same(other, key));
  }
}

/** In constant time, which `KeyObject.equals` does not promise. */
function same(one: KeyObject, other: KeyObject): boolean {
  const [bytes, otherBytes] = [one.export(), other.export()];
  return bytes.length === otherBytes.length && timingSafeEqual(bytes, otherBytes);
}

function toKeyObject(key: unknown): KeyObject {
  const bytes = bytesOf(key);
  if (bytes === undefined) throw keyError(lengthRule);
  return createSecretKey(bytes);
}

/** The bytes of a key, or undefined if it is none. White space round base64 text does not count. */
function bytesOf(key: unknown): Uint8Array | undefined {
  if (types.isUint8Array(key)) return keyLengths.includes(key.length) ? key : undefined;
  if (typeof key !== 'string' || !/^\s*[A-Za-z0-9+/]+={0,2}\s*$/.test(key)) return undefined;
  const bytes = Buffer.from(key, 'base64');
  return keyLengths.includes(bytes.length) ? bytes : undefined;
}

function keyError(rule: string): ConfigError {
  return new ConfigError([{ field: 'key', value: hidden, rule }]);
}
