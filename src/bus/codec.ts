/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Payloads as bytes: codecs, and schemas that validate what peers send.
import msgpackLite from 'msgpack-lite/lib/browser.js';

/** Turns payloads into bytes and back. */
export interface Codec {
  /** Throws for what cannot be encoded; `publish` rejects with the error. */
  encode(value: unknown, topic: string): Uint8Array;
  /** Throws for bytes that it did not write; the message is counted and dropped. */
  decode(bytes: Buffer, topic: string): unknown;
}

/** The part of a Standard Schema (standardschema.dev) that the bus uses: zod, valibot, arktype and others have it. */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1;
    /** Checks a value. The bus accepts synchronous results only. */
    readonly validate: (
      value: unknown,
    ) =>
      | { readonly value: unknown; readonly issues?: undefined }
      | { readonly issues: readonly { readonly message: string }[] }
      | Promise<unknown>;
  };
}

/** Payloads as JSON. */
export const json: Codec = {
  encode(value) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError('the payload has no JSON form');
    return Buffer.from(text);
  },
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
};

// Without msgpack-lite's extension types: bytes of a peer create no errors, dates or regular expressions. Maps stay maps
// until they are copied, as assigning to an object would give the key __proto__ a meaning.
const msgpackCodec = msgpackLite.createCodec({ preset: false, usemap: true });

/** Payloads as MessagePack: what JSON has, and bytes. */
export const msgpack: Codec = {
  encode: (value) => msgpackLite.encode(value, { codec: msgpackCodec }),
  decode: (bytes) => withoutMaps(msgpackLite.decode(bytes, { codec: msgpackCodec })),
};

function withoutMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMaps);
  if (!(value instanceof Map)) return value;
  const entries = Array.from(value as Map<unknown, unknown>, ([key, each]) => {
    if (typeof key !== 'string') throw new TypeError('a key that is no text');
    return [key, withoutMaps(each)] as const;
  });
  return Object.fromEntries(entries);
}

/** Payloads are bytes. */
export const bytesCodec: Codec = {
  encode(value) {
    if (value instanceof Uint8Array) return value;
    throw new TypeError('the payload must be a Uint8Array, as the bus has no codec');
  },
  decode: (bytes) => bytes,
};

/** A codec whose decoded values are validated. */
export function validated(
  codec: Codec,
  schemaOf: (topic: string) => StandardSchema | undefined,
): Codec {
  return {
    encode: (value, topic) => codec.encode(value, topic),
    decode(bytes, topic) {
      const value = codec.decode(bytes, topic);
      const schema = schemaOf(topic);
      if (schema === undefined) return value;
      const result = schema['~standard'].validate(value);
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new TypeError(`the schema of the topic ${topic} is asynchronous`);
      }
      if (result.issues !== undefined) throw new TypeError(result.issues[0]?.message ?? 'invalid');
      return result.value;
    },
  };
}

export function isSchema(value: unknown): value is StandardSchema {
  const isObject = typeof value === 'object' || typeof value === 'function';
  if (!isObject || value === null) return false;
  const { validate } = (value as Partial<StandardSchema>)['~standard'] ?? {};
  return typeof validate === 'function';
}
