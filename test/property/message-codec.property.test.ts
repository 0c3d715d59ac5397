/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The two roads of the MessagePack codec are one: what we write is read alike by the fast and the
// slow path and comes out as the same bytes again, and other encodings of the same message (keys in
// any order, str8, bin, wide integers, msgpack-lite's own) say the same. MESSAGES sets how many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import msgpack from 'msgpack-lite';
import { SeededRandom } from '../../src/testing/seeded-random.js';
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.js';
import type { Message } from '../../src/wire/messages.js';
import type { Field, Schema } from '../../src/wire/schema.js';
import {
  compressedSchema,
  memberRecordSchema,
  pushPullHeaderSchema,
  schemas,
  userMessageHeaderSchema,
} from '../../src/wire/schemas.js';
import { scanValue } from '../../src/wire/msgpack-scan.js';
import { decodeStructSlowPath } from '../../src/wire/slow-path.js';
import { readStruct, encodeWith } from '../../src/wire/struct-codec.js';
import { encodeText, decodeText } from '../../src/wire/text.js';
import { WireError } from '../../src/wire/wire-error.js';

type Struct = Record<string, unknown>;

const count = Number(process.env.MESSAGES ?? 100_000);
const shapes = [
  ...Object.values(schemas),
  memberRecordSchema,
  pushPullHeaderSchema,
  userMessageHeaderSchema,
  compressedSchema,
] as unknown as Schema<Struct>[];
const messageShapes = Object.values(schemas) as unknown as Schema<Struct>[];

/** Draws structs and encodes them as others might. */
class Generator {
  readonly #random: SeededRandom;

  constructor(seed: string) {
    this.#random = new SeededRandom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Often short, at times round the places where a header grows. */
  length(): number {
    const kind = this.below(100);
    if (kind < 60) return this.below(20);
    if (kind < 90) return this.pick([0, 15, 16, 30, 31, 32, 33, 255, 256]);
    if (kind < 99) return this.below(600);
    return kind === 99 && this.below(50) === 0 ? this.pick([65_535, 65_536]) : this.below(2000);
  }

  bytes(): Buffer {
    const bytes = Buffer.allocUnsafe(this.length());
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  text(): string {
    const kind = this.below(10);
    if (kind === 0) {
      const bytes = this.bytes();
      return decodeText(bytes, 0, bytes.length);
    }
    const alphabet = kind < 8 ? 'abcxyz-.019' : 'aé€𝄞\u0000\u00ff\ufffd';
    const letters = Array.from(alphabet);
    let text = '';
    for (let left = this.length(); left > 0; left--) text += this.pick(letters);
    return text;
  }

  uint(bits: 8 | 16 | 32): number {
    const max = 2 ** bits - 1;
    const kind = this.below(4);
    if (kind === 0) return this.below(max + 1);
    if (kind === 1) return this.below(Math.min(max + 1, 300));
    const edges = [0, 1, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536];
    const edge = this.pick([...edges, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, max]);
    return Math.min(edge, max);
  }

  value({ kind }: Field): unknown {
    switch (kind) {
      case 'text':
        return this.text();
      case 'bytes':
        return this.bytes();
      case 'nullableBytes':
        return this.below(4) === 0 ? null : this.bytes();
      case 'bool':
        return this.below(2) === 1;
      default:
        return this.uint(kind === 'u8' ? 8 : kind === 'u16' ? 16 : 32);
    }
  }

  struct(schema: Schema<Struct>): Struct {
    const struct = schema.zero();
    for (const field of schema.fields) {
      if (field.optional && this.below(2) === 0) continue;
      struct[field.property] = this.value(field);
    }
    return struct;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items];
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j] as T, list[i] as T];
    }
    return list;
  }

  /** The struct as another encoder might have it: any order, any form, unknown keys, zeros left out. */
  foreign(schema: Schema<Struct>, struct: Struct): Buffer {
    const zero = schema.zero();
    const pairs: Buffer[] = [];
    for (const { property, wireName } of schema.fields) {
      const value = struct[property];
      if (isSame(value, zero[property]) && this.below(2) === 0) continue;
      pairs.push(Buffer.concat([this.raw(Buffer.from(wireName)), this.form(value)]));
    }
    while (pairs.length < 15 && this.below(4) === 0) {
      const unknown = this.pick(['Zone', 'node', '__proto__', '', 'SeqNo2', 'Éa']);
      pairs.push(Buffer.concat([this.raw(Buffer.from(unknown)), this.form(this.any(3))]));
    }
    const { length } = pairs;
    const header = this.pick([
      Buffer.of(0x80 | length),
      Buffer.of(0xde, 0, length),
      Buffer.of(0xdf, 0, 0, 0, length),
    ]);
    return Buffer.concat([header, ...this.shuffled(pairs)]);
  }

  any(depth: number): unknown {
    const kind = this.below(depth > 0 ? 7 : 5);
    const simple = [null, true, this.uint(32), this.bytes(), this.text()];
    if (kind < simple.length) return simple[kind];
    const items = Array.from({ length: this.below(4) }, () => this.any(depth - 1));
    return kind === 5 ? items : new Map(items.map((item, i) => [i, item]));
  }

  form(value: unknown): Buffer {
    if (value === null) return Buffer.of(0xc0);
    if (typeof value === 'boolean') return Buffer.of(value ? 0xc3 : 0xc2);
    if (typeof value === 'number') return this.integer(value);
    if (typeof value === 'string') return this.raw(encodeText(value));
    if (value instanceof Uint8Array) {
      return value.length < 100 && this.below(8) === 0 ? this.array([...value]) : this.raw(value);
    }
    if (Array.isArray(value)) return this.array(value);
    const entries = [...(value as Map<unknown, unknown>)].flat();
    return Buffer.concat([
      Buffer.of(0x80 | (entries.length / 2)),
      ...entries.map((entry) => this.form(entry)),
    ]);
  }

  array(items: readonly unknown[]): Buffer {
    const header =
      items.length < 16 && this.below(2) === 0
        ? Buffer.of(0x90 | items.length)
        : this.pick([Buffer.of(0xdc, 0, items.length), Buffer.of(0xdd, 0, 0, 0, items.length)]);
    return Buffer.concat([header, ...items.map((item) => this.form(item))]);
  }

  /** Fixraw, str 8 to 32, bin 8 to 32: whichever can hold it. */
  raw(bytes: Uint8Array): Buffer {
    const { length } = bytes;
    const forms = [0xdb, 0xc6];
    if (length <= 0xffff) forms.push(0xda, 0xc5);
    if (length <= 0xff) forms.push(0xd9, 0xc4);
    if (length < 32) forms.push(0xa0 | length);
    const first = this.pick(forms);
    if (first <= 0xbf) return Buffer.concat([Buffer.of(first), bytes]);
    const width = first === 0xdb || first === 0xc6 ? 4 : first === 0xda || first === 0xc5 ? 2 : 1;
    const header = Buffer.alloc(1 + width);
    header[0] = first;
    header.writeUIntBE(length, 1, width);
    return Buffer.concat([header, bytes]);
  }

  /** Any signed or unsigned form that can hold it. */
  integer(value: number): Buffer {
    const forms: [first: number, width: number][] = [
      [0xcf, 8],
      [0xd3, 8],
      [0xce, 4],
    ];
    if (value <= 0x7fffffff) forms.push([0xd2, 4]);
    if (value <= 0xffff) forms.push([0xcd, 2]);
    if (value <= 0x7fff) forms.push([0xd1, 2]);
    if (value <= 0xff) forms.push([0xcc, 1]);
    if (value <= 0x7f) forms.push([0xd0, 1], [value, 0]);
    const [first, width] = this.pick(forms);
    const form = Buffer.alloc(1 + width);
    form[0] = first;
    if (width === 8) form.writeBigUInt64BE(BigInt(value), 1);
    else if (width > 0) form.writeUIntBE(value, 1, width);
    return form;
  }

  /** What msgpack-lite itself makes of it: str8, bin, integers above 2³¹ as floats. */
  library(schema: Schema<Struct>, struct: Struct): Buffer {
    const pairs = schema.fields.map(({ wireName, property, kind }): [string, unknown] => {
      const value = struct[property];
      return [wireName, kind === 'text' ? textForLibrary(value as string) : value];
    });
    return msgpack.encode(Object.fromEntries(this.shuffled(pairs)));
  }
}

// A text that is not well-formed can only travel as the bytes that it stands for.
function textForLibrary(text: string): string | Buffer {
  return /\p{Surrogate}/u.test(text) ? encodeText(text) : text;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return a === b;
}

/** Fast; deepEqual only says what is wrong. */
function assertSame(actual: Struct, expected: Struct, what: () => string): void {
  const keys = Object.keys(expected);
  const same =
    Object.keys(actual).length === keys.length &&
    keys.every((key) => isSame(actual[key], expected[key]));
  if (!same) assert.deepEqual(actual, expected, what());
}

function encode(schema: Schema<Struct>, struct: Struct): Buffer {
  return encodeWith((writer) => schema.write(writer, struct));
}

function readFrom(schema: Schema<Struct>, buf: Buffer, read: typeof readStruct): Struct {
  const cursor = { buf, pos: 0, end: buf.length };
  const struct = read(schema, cursor);
  assert.equal(cursor.pos, buf.length);
  return struct;
}

test(`both paths read ${count} random structs alike, in our encoding and in foreign ones`, () => {
  const generator = new Generator('roads');
  for (let i = 0; i < count; i++) {
    const schema = shapes[i % shapes.length] as Schema<Struct>;
    const struct = generator.struct(schema);
    const ours = encode(schema, struct);
    const what = (): string => `${i}, ${schema.name}: ${ours.toString('hex')}`;
    assert.equal(scanValue(ours, 0, ours.length), ours.length);
    const fast = readFrom(schema, ours, readStruct);
    assertSame(fast, struct, what);
    assertSame(readFrom(schema, ours, decodeStructSlowPath), struct, what);
    assert.ok(encode(schema, fast).equals(ours), what());

    const foreign =
      i % 2 === 0 ? generator.foreign(schema, struct) : generator.library(schema, struct);
    const whatForeign = (): string => `${what()} as ${foreign.toString('hex')}`;
    const read = readFrom(schema, foreign, readStruct);
    assertSame(read, struct, whatForeign);
    assertSame(readFrom(schema, foreign, decodeStructSlowPath), struct, whatForeign);
    assert.ok(encode(schema, read).equals(ours), whatForeign());
  }
});

test('every message type can be read back with its type byte', () => {
  const generator = new Generator('messages');
  for (let i = 0; i < count / 10; i++) {
    const schema = messageShapes[i % messageShapes.length] as Schema<Struct>;
    const struct = generator.struct(schema);
    const encoded = encodeMessage(struct as unknown as Message);
    assert.equal(encoded[0], struct.type);
    assertSame(decodeMessage(encoded) as unknown as Struct, struct, () => encoded.toString('hex'));
  }
});

// What either road says of bytes: the struct and where it ended, or the fault.
function outcome(schema: Schema<Struct>, buf: Buffer, read: typeof readStruct): Struct {
  const cursor = { buf, pos: 0, end: buf.length };
  try {
    return { ...read(schema, cursor), end: cursor.pos };
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return { fault: error.fault };
  }
}

test('both paths agree on mutated bytes too, and only a WireError is ever thrown', () => {
  const generator = new Generator('mutations');
  let understood = 0;
  for (let i = 0; i < count; i++) {
    const schema = shapes[i % shapes.length] as Schema<Struct>;
    const struct = generator.struct(schema);
    const bytes = i % 2 === 0 ? encode(schema, struct) : generator.foreign(schema, struct);
    for (let left = 1 + generator.below(3); left > 0; left--) {
      bytes[generator.below(Math.min(bytes.length, 200))] = generator.below(256);
    }
    const buf = bytes.subarray(
      0,
      generator.below(4) === 0 ? generator.below(bytes.length) : undefined,
    );
    const either = outcome(schema, buf, readStruct);
    assertSame(either, outcome(schema, buf, decodeStructSlowPath), () => buf.toString('hex'));
    if (either.fault === undefined) understood++;
  }
  assert.ok(understood > count / 20 && understood < count, `${understood} of ${count}`);
});
