/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Writes test/fixtures/serf-coordinates.json: observations of round-trip times, and the coordinates that Serf's package
// coordinate computes from them.
//
//     node --import tsx test/interop/go-serf/make-fixture.ts
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SeededRandom } from '../../../src/testing/index.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const fixture = fileURLToPath(new URL('../../fixtures/serf-coordinates.json', import.meta.url));
const OBSERVATIONS = 150;
const NODES = 12;

const random = new SeededRandom(21);
const rounded = (value: number): number => Number(value.toFixed(9));
const between = (from: number, to: number): number => rounded(from + random.next() * (to - from));
const observations = Array.from({ length: OBSERVATIONS }, (_, i) => ({
  Node: `n${Math.floor(random.next() * NODES)}`,
  // Some are refused: those over 10 s, and those of fewer dimensions.
  RttNs: i % 37 === 36 ? 11e9 : i % 23 === 22 ? 0 : Math.round(between(0.0005, 0.3) * 1e9),
  Coordinate: {
    Vec: Array.from({ length: i % 41 === 40 ? 7 : 8 }, () => between(-0.2, 0.2)),
    Error: between(0, 1.5),
    Adjustment: between(-0.01, 0.01),
    Height: between(0.00001, 0.01),
  },
}));
const input = observations.map((each) => `${JSON.stringify(each)}\n`).join('');
const { stdout, status, stderr } = spawnSync('go', ['run', '.'], {
  ...{ cwd: folder, input, encoding: 'utf8' },
});
if (status !== 0) throw new Error(stderr);
const coordinates = stdout
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as unknown);
writeFileSync(fixture, `${JSON.stringify({ observations, coordinates })}\n`);
