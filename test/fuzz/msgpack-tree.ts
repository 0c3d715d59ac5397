/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// MessagePack as a tree that keeps the encoding of each value: its width, raw or bin, and the length that its
// header claims. A tree can express encodings that no encoder produces.

/** One value with its encoding. */
export type Tree =
  | { kind: 'map' | 'array'; form: 'fix' | 16 | 32; claims?: number; items: Tree[] }
  | { kind: 'raw'; form: RawForm; claims?: number; bytes: Buffer }
  | { kind: 'ext'; form: 8 | 16 | 32; claims?: number; bytes: Buffer }
  /** Integers, floats, nil, booleans, fixext, and verbatim bytes. */
  | { kind: 'verbatim'; bytes: Buffer };

export type RawForm = 'fix' | 'str8' | 'str16' | 'str32' | 'bin8' | 'bin16' | 'bin32';

const rawFirsts = {
  str8: 0xd9,
  str16: 0xda,
  str32: 0xdb,
  bin8: 0xc4,
  bin16: 0xc5,
  bin32: 0xc6,
} as const;
const rawForms = new Map<number, RawForm>(
  Object.entries(rawFirsts).map(([form, first]) => [first, form as RawForm]),
);
const verbatimSizes: Readonly<Record<number, number>> = {
  ...{ 0xca: 5, 0xcb: 9, 0xcc: 2, 0xcd: 3, 0xce: 5, 0xcf: 9, 0xd0: 2, 0xd1: 3, 0xd2: 5, 0xd3: 9 },
  ...{ 0xd4: 3, 0xd5: 4, 0xd6: 6, 0xd7: 10, 0xd8: 18 },
};
const deepest = 64;

/** The values that follow each other in `buf` from `start`, and the position of the first invalid one. */
export function parseTrees(buf: Buffer, start: number): { trees: Tree[]; end: number } {
  const trees: Tree[] = [];
  const reader = { buf, pos: start };
  let end = start;
  for (;;) {
    const tree = parse(reader, deepest);
    if (tree === undefined) return { trees, end };
    trees.push(tree);
    end = reader.pos;
  }
}

interface Reader {
  readonly buf: Buffer;
  pos: number;
}

function parse(reader: Reader, depth: number): Tree | undefined {
  const first = reader.buf[reader.pos];
  if (first === undefined || depth === 0) return undefined;
  if (first >= 0x80 && first <= 0x8f) return container(reader, 'map', 'fix', first & 15, depth);
  if (first >= 0x90 && first <= 0x9f) return container(reader, 'array', 'fix', first & 15, depth);
  if (first >= 0xdc && first <= 0xdf) {
    const form = first & 1 ? 32 : 16;
    const count = lengthField(reader, form / 8);
    const kind = first >= 0xde ? 'map' : 'array';
    return count === undefined ? undefined : container(reader, kind, form, count, depth);
  }
  if (first >= 0xa0 && first <= 0xbf) return raw(reader, 'fix', 1, first & 31);
  const form = rawForms.get(first);
  if (form !== undefined) {
    const width = Number(form.slice(3)) / 8;
    const length = lengthField(reader, width);
    return length === undefined ? undefined : raw(reader, form, 1 + width, length);
  }
  if (first >= 0xc7 && first <= 0xc9) return undefined;
  const bytes = take(reader, verbatimSizes[first] ?? 1);
  return bytes && { kind: 'verbatim', bytes };
}

function lengthField({ buf, pos }: Reader, width: number): number | undefined {
  return pos + 1 + width > buf.length ? undefined : buf.readUIntBE(pos + 1, width);
}

function take(reader: Reader, length: number): Buffer | undefined {
  const { buf, pos } = reader;
  if (pos + length > buf.length) return undefined;
  reader.pos += length;
  return buf.subarray(pos, pos + length);
}

function raw(reader: Reader, form: RawForm, header: number, length: number): Tree | undefined {
  const bytes = take(reader, header + length);
  return bytes && { kind: 'raw', form, bytes: bytes.subarray(header) };
}

function container(
  reader: Reader,
  kind: 'map' | 'array',
  form: 'fix' | 16 | 32,
  count: number,
  depth: number,
): Tree | undefined {
  reader.pos += form === 'fix' ? 1 : 1 + form / 8;
  const items: Tree[] = [];
  for (let left = kind === 'map' ? count * 2 : count; left > 0; left--) {
    const item = parse(reader, depth - 1);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return { kind, form, items };
}

/** The bytes of a tree, including false headers. */
export function writeTree(tree: Tree): Buffer {
  switch (tree.kind) {
    case 'verbatim':
      return tree.bytes;
    case 'raw': {
      const length = tree.claims ?? tree.bytes.length;
      if (tree.form === 'fix') return Buffer.concat([Buffer.of(0xa0 | (length & 31)), tree.bytes]);
      const width = Number(tree.form.slice(3)) / 8;
      return Buffer.concat([header(rawFirsts[tree.form], length, width), tree.bytes]);
    }
    case 'ext': {
      const first = { 8: 0xc7, 16: 0xc8, 32: 0xc9 }[tree.form];
      const length = tree.claims ?? Math.max(0, tree.bytes.length - 1);
      return Buffer.concat([header(first, length, tree.form / 8), tree.bytes]);
    }
    default: {
      const isMap = tree.kind === 'map';
      const count = tree.claims ?? (isMap ? tree.items.length >> 1 : tree.items.length);
      const items = tree.items.map(writeTree);
      if (tree.form === 'fix') {
        return Buffer.concat([Buffer.of((isMap ? 0x80 : 0x90) | (count & 15)), ...items]);
      }
      const first = (isMap ? 0xde : 0xdc) | (tree.form === 32 ? 1 : 0);
      return Buffer.concat([header(first, count, tree.form / 8), ...items]);
    }
  }
}

function header(first: number, length: number, width: number): Buffer {
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = first;
  bytes.writeUIntBE(length % 2 ** (8 * width), 1, width);
  return bytes;
}

/** Text in Go's encoding if it is short, else as str16. */
export function rawTree(bytes: Buffer): Tree {
  return {
    kind: 'raw',
    form: bytes.length < 32 ? 'fix' : bytes.length <= 0xffff ? 'str16' : 'str32',
    bytes,
  };
}
