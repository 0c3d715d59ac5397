/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Mutations of MessagePack: another encoding of the same value, a value that no schema allows, a false
// header, unknown, duplicate or missing keys.
import type { Dice } from './dice.js';
import { parseTrees, rawTree, writeTree, type RawForm, type Tree } from './msgpack-tree.js';

const wideForms: readonly RawForm[] = ['str8', 'str16', 'str32', 'bin8', 'bin16', 'bin32'];
const keys = [
  ...['Node', 'SeqNo', 'From', 'Incarnation', 'Addr', 'Port', 'Meta', 'Vsn', 'Name', 'State'],
  ...['Payload', 'Error', 'Nack', 'Target', 'SourceAddr', 'SourcePort', 'SourceNode', 'Algo'],
  ...['Buf', 'Nodes', 'Join', 'UserStateLen', 'UserMsgLen'],
  ...['node', 'Zone', '', '__proto__', 'constructor', 'Node\u0000', 'N\u00f6de'],
];
const integers = [
  ...['00', '7f', 'ff', 'e0', 'cc00', 'cc80', 'ccff', 'cd0000', 'cdffff', 'ce00000000'],
  ...['ce7fffffff', 'ce80000000', 'ceffffffff', 'cf0000000000000000', 'cf0000000100000000'],
  ...['cf001fffffffffffff', 'cf0020000000000000', 'cf7fffffffffffffff', 'cfffffffffffffffff'],
  ...['d000', 'd080', 'd18000', 'd27fffffff', 'd280000000', 'd37fffffffffffffff'],
  ...['d38000000000000000', 'd3ffffffffffffffff', 'd3000000000000002a', 'cf000000000000002a'],
  ...['ca3f800000', 'cb3ff0000000000000', 'cb41efffffffe00000', 'cb7ff8000000000000'],
  ...['cb7ff0000000000000', 'cb8000000000000000', 'cbc000000000000000'],
].map((hex) => Buffer.from(hex, 'hex'));
const simple = ['c0', 'c1', 'c2', 'c3', 'd400', 'd40000', 'd5000000', 'd70102030405060708ff'].map(
  (hex) => Buffer.from(hex, 'hex'),
);

// Built once, since they are large: pairs of the integer 1 and nil, and zeros.
const manyPairs = [16, 100, 1_000, 2_100].map((count) => Buffer.from('01c0'.repeat(count), 'hex'));
const manyZeros = [10, 4_000, 4_090, 5_000].map((count): Tree => {
  return {
    kind: 'array',
    form: 16,
    claims: count,
    items: [{ kind: 'verbatim', bytes: Buffer.alloc(count) }],
  };
});
const nestings = [0x91, 0x81].flatMap((first) =>
  [1, 10, 28, 29, 30, 31, 32, 33, 100, 10_000].map((levels) => Buffer.alloc(levels, first)),
);

/** The MessagePack values after the first `start` bytes, with some changes. */
export function mutateMsgpack(bytes: Buffer, start: number, dice: Dice): Buffer {
  const { trees, end } = parseTrees(bytes, start);
  if (trees.length === 0) return bytes;
  const rest = dice.oneIn(12) ? dice.bytes(dice.below(40)) : bytes.subarray(end);
  for (let left = 1 + dice.below(3); left > 0; left--) {
    const at = dice.below(trees.length);
    trees[at] = mutateTree(trees[at] as Tree, dice, 0);
  }
  return Buffer.concat([bytes.subarray(0, start), ...trees.map(writeTree), rest]);
}

function mutateTree(tree: Tree, dice: Dice, depth: number): Tree {
  const isContainer = tree.kind === 'map' || tree.kind === 'array';
  if (isContainer && tree.items.length > 0 && dice.below(4) > 0) {
    // Values more often than keys.
    let at = dice.below(tree.items.length);
    if (tree.kind === 'map' && dice.below(4) > 0) at |= 1;
    const items = [...tree.items];
    const inner = items[at];
    if (inner !== undefined) items[at] = mutateTree(inner, dice, depth + 1);
    return { ...tree, items };
  }
  if (depth > 0 && dice.oneIn(3)) return anything(dice, 3);
  switch (tree.kind) {
    case 'map':
      return mutateMap(tree.items, tree.form, dice);
    case 'array':
      return { ...tree, ...containerLie(tree.items.length, dice) };
    case 'raw':
      return mutateRaw(tree.bytes, dice);
    case 'ext':
      return anything(dice, 2);
    case 'verbatim':
      return { kind: 'verbatim', bytes: dice.pick(dice.oneIn(6) ? simple : integers) };
  }
}

function containerLie(
  count: number,
  dice: Dice,
): { form: 16 | 32; claims?: number } | { form: 'fix'; claims: number } {
  switch (dice.below(4)) {
    case 0:
      return { form: dice.pick([16, 32]) };
    case 1:
      return { form: 32, claims: dice.pick([0xffffffff, 0x80000000, 0x7fffffff, 4097, 1_000_000]) };
    case 2:
      return { form: 16, claims: dice.pick([0xffff, 0x8000, 0]) };
    default:
      return { form: 'fix', claims: Math.max(0, count + dice.below(3) - 1) };
  }
}

function mutateMap(items: readonly Tree[], form: 'fix' | 16 | 32, dice: Dice): Tree {
  const pairs: Tree[][] = [];
  for (let i = 0; i + 1 < items.length; i += 2) pairs.push(items.slice(i, i + 2));
  const map = (changed: readonly Tree[][]): Tree => {
    const fits = form === 'fix' && changed.length > 15;
    return { kind: 'map', form: fits ? 16 : form, items: changed.flat() };
  };
  const at = dice.below(pairs.length + 1);
  const fresh = (): Tree[] => [rawTree(Buffer.from(dice.pick(keys))), anything(dice, 3)];
  switch (dice.below(8)) {
    case 0:
      return map([...pairs.slice(0, at), fresh(), ...pairs.slice(at)]);
    case 1:
      return map(pairs.filter((_, i) => i !== at));
    case 2: {
      const key = pairs[at]?.[0];
      if (key === undefined) return map(pairs);
      // A duplicate key, one of them with another value.
      return map([...pairs, [key, anything(dice, 2)]]);
    }
    case 3:
      return map(dice.shuffled(pairs));
    case 4: {
      if (!dice.oneIn(8)) return map(dice.shuffled(pairs).slice(1));
      const many: Tree = { kind: 'verbatim', bytes: dice.pick(manyPairs) };
      const claims = many.bytes.length / 2 + pairs.length;
      return { kind: 'map', form: 16, claims, items: [many, ...pairs.flat()] };
    }
    case 5: {
      const keyed = pairs.map((pair, i) =>
        i === at ? [anything(dice, 1), pair[1] as Tree] : pair,
      );
      return map(keyed);
    }
    case 6:
      return map([]);
    default:
      return { kind: 'map', items: [...items], ...containerLie(pairs.length, dice) };
  }
}

function mutateRaw(bytes: Buffer, dice: Dice): Tree {
  const form = dice.pick(wideForms);
  switch (dice.below(9)) {
    case 0:
    case 1:
      return { kind: 'raw', form, bytes };
    case 2:
      return { kind: 'raw', form, bytes, claims: dice.pick([0, 1, 0xff, 0xffff, 0xffffffff]) };
    case 3: {
      const claims = Math.max(0, bytes.length + dice.pick([-1, 1, -4, 4]));
      return { kind: 'raw', form: 'fix', bytes, claims };
    }
    case 4: // No UTF-8, or nearly: lone bytes, overlong forms, surrogates, beyond the last point.
      return rawTree(
        Buffer.from(dice.pick(['ff', 'c080', 'eda080', 'f4908080', 'e282', '80']), 'hex'),
      );
    case 5:
      return rawTree(dice.bytes(dice.length()));
    case 6:
      return rawTree(Buffer.alloc(dice.length(), dice.below(256)));
    case 7: // Some encoders write bytes so.
      return arrayOfIntegers(bytes.subarray(0, 600), dice);
    default:
      return {
        kind: 'ext',
        form: dice.pick([8, 16, 32]),
        bytes: Buffer.concat([Buffer.of(1), bytes]),
      };
  }
}

function arrayOfIntegers(bytes: Buffer, dice: Dice): Tree {
  const items = Array.from(bytes, (byte): Tree => {
    return { kind: 'verbatim', bytes: byte < 0x80 ? Buffer.of(byte) : Buffer.of(0xcc, byte) };
  });
  if (dice.oneIn(4)) items.push({ kind: 'verbatim', bytes: dice.pick(integers) });
  return { kind: 'array', form: items.length < 16 && dice.oneIn(2) ? 'fix' : 16, items };
}

/** Any value: mostly small, at times deep, wide, or with a header that claims gigabytes. */
export function anything(dice: Dice, depth: number): Tree {
  switch (dice.below(depth > 0 ? 12 : 5)) {
    case 0:
      return { kind: 'verbatim', bytes: dice.pick(integers) };
    case 1:
      return { kind: 'verbatim', bytes: dice.pick(simple) };
    case 2:
    case 3:
      return mutateRaw(dice.bytes(dice.length()), dice);
    case 4:
      return rawTree(Buffer.from(dice.pick(keys)));
    case 5:
      return { kind: 'verbatim', bytes: dice.pick(nestings) };
    case 6: {
      const claims = dice.pick([0xffffffff, 0x7fffffff, 0x10000, 4096, 5_000]);
      const kind = dice.pick(['map', 'array'] as const);
      return { kind, form: 32, claims, items: [] };
    }
    case 7:
      return dice.pick(manyZeros);
    case 8: {
      const form = dice.pick([8, 16, 32] as const);
      return { kind: 'ext', form, claims: dice.pick([0, 5, 0xffffffff]), bytes: dice.bytes(5) };
    }
    default: {
      const isMap = dice.oneIn(2);
      const items = Array.from({ length: dice.below(4) * (isMap ? 2 : 1) }, () =>
        anything(dice, depth - 1),
      );
      return { kind: isMap ? 'map' : 'array', form: 'fix', items };
    }
  }
}
