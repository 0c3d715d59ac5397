/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Values as bytes: MessagePack, or a codec of the application; and the schemas of single keys. Bytes of peers are checked
// before and after they are decoded.
import { ConfigError, decodeMeta, encodeMeta, type MetaValue } from '../index.js';

/** How values become bytes. */
export interface StateCodec {
  /** @throws anything, if the value cannot be encoded: `set` throws a ConfigError then */
  encode(value: unknown): Uint8Array;
  /** @throws anything, if the bytes are no value: the key is not shown then */
  decode(bytes: Buffer): unknown;
}

/** What this library uses of a Standard Schema (https://standardschema.dev), as of Zod, Valibot, ArkType and others. */
export interface StateSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Must not return a promise. */
    readonly validate: (
      value: unknown,
    ) =>
      | { readonly value: Output; readonly issues?: undefined }
      | { readonly issues: readonly { readonly message: string }[] }
      | Promise<unknown>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

// Metadata is a MessagePack map. A value is that of its only field: its bytes are those behind the name of the field.
const before = encodeMeta({ v: null }).subarray(0, -1);

/**
 * The default codec: MessagePack. Values are text, numbers, booleans, null, bytes, and arrays and plain objects of those, at
 * most 30 deep and with at most 4,000 parts.
 */
export const msgpack: StateCodec = Object.freeze({
  encode: (value: unknown) =>
    encodeMeta({ v: value as MetaValue }, Infinity).subarray(before.length),
  decode: (bytes: Buffer) => {
    const meta = decodeMeta(Buffer.concat([before, bytes]));
    if (meta === undefined || !Object.hasOwn(meta, 'v')) throw new Error('no MessagePack value');
    return meta.v;
  },
});

/** A codec for values that are bytes already. */
export const bytes: StateCodec = Object.freeze({
  encode: (value: unknown) => {
    if (value instanceof Uint8Array) return value;
    throw new Error('a value must be a Uint8Array, such as a Buffer');
  },
  decode: (value: Buffer) => value,
});

/** Marks a value that does not pass. */
export const invalid = Symbol('invalid');

/** The codec and the schemas of one node. */
export class Values {
  readonly #codec: StateCodec;
  readonly #schemas: Readonly<Record<string, StateSchema | undefined>>;

  constructor(codec: StateCodec, schemas: Readonly<Record<string, StateSchema | undefined>>) {
    this.#codec = codec;
    this.#schemas = schemas;
  }

  /**
   * A value as bytes, in Latin-1.
   *
   * @throws ConfigError if it does not pass its schema or cannot be encoded
   */
  encode(key: string, value: unknown): string {
    const field = `the value of '${key}'`;
    if (value === undefined) {
      const rule = 'must not be undefined: call delete() to remove the key';
      throw new ConfigError([{ field, value, rule }]);
    }
    const issue = this.#issue(key, value);
    if (issue !== undefined) throw new ConfigError([{ field, value, rule: issue }]);
    try {
      return Buffer.from(this.#encode(value)).toString('latin1');
    } catch (cause) {
      if (cause instanceof ConfigError) {
        const problems = cause.problems.map((problem) => ({
          ...problem,
          field: problem.field.replace(/^meta\.v/, field),
        }));
        throw new ConfigError(problems, { cause });
      }
      const rule = `cannot be encoded: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new ConfigError([{ field, value, rule }], { cause });
    }
  }

  /** The value, or `invalid`. Never throws. */
  decode(key: string, latin1: string): unknown {
    try {
      const value = this.#codec.decode(Buffer.from(latin1, 'latin1'));
      const schema = this.#schemaOf(key);
      if (value === undefined) return invalid;
      if (schema === undefined) return value;
      const result = schema['~standard'].validate(value);
      if (isPromise(result)) return invalid;
      return result.issues === undefined ? result.value : invalid;
    } catch {
      return invalid;
    }
  }

  #encode(value: unknown): Uint8Array {
    const encoded: unknown = this.#codec.encode(value);
    if (encoded instanceof Uint8Array) return encoded;
    throw new Error('the codec returned no bytes');
  }

  /** Why a value does not pass its schema. */
  #issue(key: string, value: unknown): string | undefined {
    const result = this.#schemaOf(key)?.['~standard'].validate(value);
    if (result === undefined) return undefined;
    if (isPromise(result))
      return 'has a schema that validates asynchronously: use a synchronous one';
    if (result.issues === undefined) return undefined;
    const messages = result.issues.slice(0, 3).map(({ message }) => message);
    return `does not pass its schema: ${messages.join('; ')}`;
  }

  // A key can be any text, such as 'constructor'.
  #schemaOf(key: string): StateSchema | undefined {
    return Object.hasOwn(this.#schemas, key) ? this.#schemas[key] : undefined;
  }
}

// The result of a promise is not used, and neither is its rejection.
function isPromise(result: object): result is Promise<unknown> {
  if (!('then' in result)) return false;
  void Promise.resolve(result).catch(() => undefined);
  return true;
}
