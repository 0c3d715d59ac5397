/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Metadata as plain objects, encoded with msgpack-lite, and decoded as untrusted input.
import { types } from 'node:util';
import msgpack from 'msgpack-lite/lib/browser.js';
import { ConfigError, MessageTooLargeError } from '../errors.js';
import { limits } from '../wire/limits.js';
import { scanValue } from '../wire/msgpack-scan.js';
import { WireError } from '../wire/wire-error.js';

/** A value in metadata. Fields that are `undefined` are left out. */
export type MetaValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly MetaValue[]
  | { readonly [field: string]: MetaValue };

/** Metadata as an object. */
export type Meta = Readonly<Record<string, MetaValue>>;

// Without msgpack-lite's extension types: bytes of a peer create no errors, dates or regular expressions. Maps stay
// maps, as assigning to an object would give the key __proto__ a meaning.
const codec = msgpack.createCodec({ preset: false, usemap: true });

/**
 * Encodes a plain object as metadata, for `setMeta` and `Delegate.nodeMeta`.
 *
 * ```ts
 * const delegate = { nodeMeta: (limit: number) => encodeMeta({ role: 'web', port: 8080 }, limit) };
 * ```
 *
 * @param limit - the most bytes: 512, or what `nodeMeta` is given
 * @throws MessageTooLargeError over the limit; ConfigError for what is no plain object of texts, numbers,
 *   booleans, nulls, bytes, and arrays and objects of those
 */
export function encodeMeta(meta: Meta, limit: number = limits.metaBytes): Buffer {
  if (!isPlainObject(meta))
    throw new ConfigError([problem('meta', meta, 'must be a plain object')]);
  const encoded = msgpack.encode(encodable('meta', meta, 1), { codec });
  if (encoded.length > limit) throw new MessageTooLargeError('the metadata', encoded.length, limit);
  return encoded;
}

/**
 * Metadata as a copy of the given bytes, or as an encoded object.
 *
 * @param limit - the most bytes
 * @throws as `encodeMeta`
 * @internal
 */
export function metaBytes(meta: Uint8Array | Meta, limit: number = limits.metaBytes): Buffer {
  if (!types.isUint8Array(meta)) {
    if (isPlainObject(meta)) return encodeMeta(meta, limit);
    const rule = 'must be a Uint8Array, such as a Buffer, or a plain object';
    throw new ConfigError([problem('meta', meta, rule)]);
  }
  if (meta.length > limit) throw new MessageTooLargeError('the metadata', meta.length, limit);
  return Buffer.from(meta);
}

/**
 * Decodes metadata of `encodeMeta`. Bytes become `Buffer`s.
 *
 * @returns undefined for other bytes, as peers can send any metadata
 */
export function decodeMeta(bytes: Uint8Array): Record<string, MetaValue> | undefined {
  const buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    if (buf.length === 0 || scanValue(buf, 0, buf.length) !== buf.length) return undefined;
    const value = decoded(msgpack.decode(buf, { codec }));
    return isPlainObject(value) ? (value as Record<string, MetaValue>) : undefined;
  } catch (error) {
    if (error instanceof WireError || error instanceof UnknownType) return undefined;
    throw error;
  }
}

class UnknownType extends Error {}

function problem(
  field: string,
  value: unknown,
  rule: string,
): ConstructorParameters<typeof ConfigError>[0][0] {
  return { field, value, rule };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype || prototype === null) return true;
  // The prototype may be that of another realm.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

// msgpack-lite encodes maps without the conversions that it applies to objects.
function encodable(path: string, value: unknown, depth: number): unknown {
  if (depth >= limits.msgpackDepth) {
    throw new ConfigError([problem(path, value, `must not nest over ${limits.msgpackDepth} deep`)]);
  }
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'number':
      return value;
    case 'object':
      if (value === null) return null;
      if (types.isUint8Array(value)) return Buffer.from(value);
      if (Array.isArray(value)) {
        return value.map((each: unknown, i) => encodable(`${path}[${i}]`, each ?? null, depth + 1));
      }
      if (isPlainObject(value)) {
        const given = Object.entries(value).filter(([, each]) => each !== undefined);
        return new Map(
          given.map(([name, each]) => [name, encodable(`${path}.${name}`, each, depth + 1)]),
        );
      }
  }
  const rule = 'must be text, a number, a boolean, null, bytes, or an array or object of those';
  throw new ConfigError([problem(path, value, rule)]);
}

function decoded(value: unknown): unknown {
  if (types.isMap(value)) {
    const entries = [...value].map(([name, each]) => {
      if (typeof name !== 'string') throw new UnknownType();
      return [name, decoded(each)] as const;
    });
    return Object.fromEntries(entries);
  }
  if (Array.isArray(value)) return value.map(decoded);
  if (types.isUint8Array(value)) return Buffer.from(value);
  if (typeof value === 'object' && value !== null) throw new UnknownType();
  return value;
}
