/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The keys of a cluster. The primary key encrypts sent data, and every key can decrypt received data. This allows key
// rotation without an outage: add the new key on all nodes, use it on all nodes, remove the old key on all nodes.
// Keys are stored in KeyObjects, so printing an object cannot print a key.
import { createSecretKey, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import { inspect, types } from 'node:util';
import { ConfigError } from '../errors.js';

/** A key of 16, 24 or 32 bytes (AES-128, AES-192, AES-256), or the base64 text of one. */
export type Key = Uint8Array | string;

const keyLengths: readonly number[] = [16, 24, 32];
const lengthRule = 'must be 16, 24 or 32 bytes, or their base64 text';
const hidden = '[hidden]';

/** The installed keys of this node; as in Go memberlist, the first one is the primary key. */
export class Keyring {
  /** The primary key first. Every change replaces the array, so a reader's reference stays consistent. */
  #keys: readonly [KeyObject, ...KeyObject[]];

  /**
   * @param primary - the key that encrypts sent data
   * @param others - further keys that can decrypt received data
   * @throws ConfigError when a key does not have 16, 24 or 32 bytes
   */
  constructor(primary: Key, others: readonly Key[] = []) {
    this.#keys = [toKeyObject(primary)];
    for (const key of others) this.addKey(key);
  }

  /**
   * Generates a random key, to be distributed to all nodes of the cluster.
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
   * The rule that a value breaks, or undefined if it is a valid key.
   *
   * @internal
   */
  static problemWith(key: unknown): string | undefined {
    return bytesOf(key) === undefined ? lengthRule : undefined;
  }

  /** A copy of the primary key, which encrypts sent data. */
  get primaryKey(): Buffer {
    return this.#keys[0].export();
  }

  /** Copies of all keys, the primary key first. */
  keys(): Buffer[] {
    return this.#keys.map((key) => key.export());
  }

  /**
   * Installs a key: from now on it can decrypt received data. If the key is already installed, nothing changes.
   *
   * @throws ConfigError when the key has a wrong length
   */
  addKey(key: Key): void {
    const added = toKeyObject(key);
    if (!this.#has(added)) this.#keys = [...this.#keys, added];
  }

  /**
   * Makes an installed key the primary key.
   *
   * @throws ConfigError when the key has a wrong length or is not installed
   */
  useKey(key: Key): void {
    const primary = toKeyObject(key);
    if (!this.#has(primary)) throw keyError('must be installed with addKey before it is used');
    this.#keys = [primary, ...this.#keys.filter((other) => !same(other, primary))];
  }

  /**
   * Removes a key: it no longer decrypts received data. Removing a key that is not installed does nothing.
   *
   * @throws ConfigError when the key has a wrong length or is the primary key
   */
  removeKey(key: Key): void {
    const removed = toKeyObject(key);
    const [primary, ...others] = this.#keys;
    if (same(primary, removed)) {
      throw keyError('must not be the primary key; make another key primary with useKey first');
    }
    this.#keys = [primary, ...others.filter((other) => !same(other, removed))];
  }

  /**
   * For the cipher: the keys to try, the primary key first. The array is immutable; a change of the
   * keyring creates a new one.
   *
   * @internal
   */
  openingKeys(): readonly KeyObject[] {
    return this.#keys;
  }

  /** The number of keys, never the keys themselves. */
  toJSON(): { keys: number } {
    return { keys: this.#keys.length };
  }

  /** The output of `util.inspect` and `console.log`: the number of keys, never the keys themselves. */
  [inspect.custom](): string {
    return `Keyring { keys: ${this.#keys.length} }`;
  }

  #has(key: KeyObject): boolean {
    return this.#keys.some((other) => same(other, key));
  }
}

/** Compares in constant time, which `KeyObject.equals` does not guarantee. */
function same(one: KeyObject, other: KeyObject): boolean {
  const [bytes, otherBytes] = [one.export(), other.export()];
  return bytes.length === otherBytes.length && timingSafeEqual(bytes, otherBytes);
}

function toKeyObject(key: unknown): KeyObject {
  const bytes = bytesOf(key);
  if (bytes === undefined) throw keyError(lengthRule);
  return createSecretKey(bytes);
}

/** The bytes of a key, or undefined if it is not a valid key. White space around base64 text is ignored. */
function bytesOf(key: unknown): Uint8Array | undefined {
  if (types.isUint8Array(key)) return keyLengths.includes(key.length) ? key : undefined;
  if (typeof key !== 'string' || !/^\s*[A-Za-z0-9+/]+={0,2}\s*$/.test(key)) return undefined;
  const bytes = Buffer.from(key, 'base64');
  return keyLengths.includes(bytes.length) ? bytes : undefined;
}

function keyError(rule: string): ConfigError {
  return new ConfigError([{ field: 'key', value: hidden, rule }]);
}
