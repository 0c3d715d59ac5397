/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Network coordinates. The fixture is of Serf's own package (test/interop/go-serf makes it).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { serf } from '../../../src/serf/index.js';
import { encodeCoordinate } from '../../../src/serf/coordinates.js';
import { distance, isPlausible, startCoordinate, Vivaldi } from '../../../src/serf/vivaldi.js';
import { SeededRandom } from '../../../src/testing/index.js';
import { Cluster, meet, until } from '../memberlist/cluster.js';

interface GoCoordinate {
  readonly Vec: number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}

const { observations, coordinates } = JSON.parse(
  readFileSync(new URL('../../fixtures/serf-coordinates.json', import.meta.url), 'utf8'),
) as {
  observations: { Node: string; RttNs: number; Coordinate: GoCoordinate }[];
  coordinates: GoCoordinate[];
};

const fromGo = ({
  Vec: vec,
  Error: error,
  Adjustment: adjustment,
  Height: height,
}: GoCoordinate) => ({
  ...{ vec, error, adjustment, height },
});
const numbers = ({ vec, error, adjustment, height }: ReturnType<typeof fromGo>): number[] => [
  ...[...vec, error, adjustment, height],
];

test('the same observations give the same coordinates as in Serf, within 1e-9', () => {
  const vivaldi = new Vivaldi(new SeededRandom(1));
  assert.ok(observations.length >= 100);
  for (const [i, { Node, RttNs, Coordinate }] of observations.entries()) {
    vivaldi.observe(Node, fromGo(Coordinate), RttNs / 1e9);
    const expected = numbers(fromGo(coordinates[i]!));
    for (const [at, value] of numbers({ ...vivaldi.own, vec: [...vivaldi.own.vec] }).entries()) {
      const difference = Math.abs(value - expected[at]!);
      assert.ok(difference < 1e-9, `observation ${i}, number ${at}: ${difference}`);
    }
  }
});

test('coordinates that are not finite or absurd, and impossible times, change nothing', () => {
  const vivaldi = new Vivaldi(new SeededRandom(1));
  const good = { ...startCoordinate(), vec: [0.1, 0, 0, 0, 0, 0, 0, 0] };
  vivaldi.observe('n', good, 0.05);
  const before = vivaldi.own;
  for (const bad of [NaN, Infinity, -Infinity, 1e6, -1e300]) {
    assert.equal(vivaldi.observe('n', { ...good, vec: [bad, 0, 0, 0, 0, 0, 0, 0] }, 0.05), false);
    for (const field of ['error', 'height', 'adjustment']) {
      assert.equal(vivaldi.observe('n', { ...good, [field]: bad }, 0.05), false, `${field} ${bad}`);
    }
  }
  for (const vec of [[], [1], Array<number>(9).fill(0)]) {
    assert.equal(vivaldi.observe('n', { ...good, vec }, 0.05), false);
  }
  assert.equal(vivaldi.observe('n', { ...good, error: -0.1 }, 0.05), false);
  assert.equal(vivaldi.observe('n', { ...good, height: -1 }, 0.05), false);
  for (const rtt of [-1, 10.1, NaN, Infinity]) assert.equal(vivaldi.observe('n', good, rtt), false);
  assert.deepEqual(vivaldi.own, before);
});

test('a coordinate stays finite whatever plausible peers claim', () => {
  const random = new SeededRandom(7);
  const vivaldi = new Vivaldi(random);
  for (let i = 0; i < 5_000; i++) {
    const extreme = (most: number): number => (random.next() < 0.5 ? most : random.next() * most);
    const other = {
      vec: Array.from({ length: 8 }, () => extreme(1_000) * (random.next() < 0.5 ? -1 : 1)),
      error: extreme(1.5),
      adjustment: extreme(1_000),
      height: extreme(1_000),
    };
    vivaldi.observe(`n${i % 9}`, other, random.next() * 10);
    assert.ok(numbers({ ...vivaldi.own, vec: [...vivaldi.own.vec] }).every(Number.isFinite));
  }
});

test('nodes at the same place move apart', () => {
  const vivaldi = new Vivaldi(new SeededRandom(3));
  for (let i = 0; i < 50; i++) vivaldi.observe('n', startCoordinate(), 0.1);
  assert.ok(Math.abs(distance(vivaldi.own, startCoordinate()) - 0.1) < 0.03);
  assert.ok(isPlausible(vivaldi.own));
});

test('nodes learn coordinates from acks; payloads that are none are counted', async () => {
  await using cluster = new Cluster();
  const registry = new Registry();
  const [one, two] = [serf(), serf()];
  const a = await cluster.node('a', { use: [one], metrics: { registry } });
  const b = await cluster.node('b', { use: [two] });
  const absurd = encodeCoordinate({ ...startCoordinate(), height: NaN });
  const c = await cluster.node('c', {
    use: [serf({ coordinates: false })],
    ping: { ackPayload: () => absurd },
  });
  await meet([a, b, c]);
  await until([a, b], () => one.coordinate('b') !== undefined && two.coordinate('a') !== undefined);
  assert.ok((one.rtt('b') ?? -1) >= 0);
  assert.equal(one.rtt('a', 'b'), one.rtt('b'));
  assert.equal(one.coordinate('a')?.vec.length, 8);
  assert.deepEqual([one.rtt('nobody'), one.coordinate('nobody')], [undefined, undefined]);
  const refused = registry.getSingleMetric('memberlist_serf_coordinates_refused_total')!;
  await until(a, () => one.coordinate('c') === undefined);
  for (let tries = 0; ((await refused.get()).values[0]?.value ?? 0) === 0; tries++) {
    assert.ok(tries < 500);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});
