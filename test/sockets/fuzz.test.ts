/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A short run of the fuzzer, in memory and over real sockets, and its command. `npm run fuzz` makes longer
// runs; FUZZ_ROUNDS and FUZZ_SEED change this one.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import { writeFinding } from '../fuzz/finding.js';
import { itemText } from '../fuzz/item-file.js';
import { lanes } from '../fuzz/lane.js';
import { narrowed } from '../fuzz/replay.js';
import { run } from '../fuzz/run.js';
import { PEER } from '../fuzz/seeds.js';

const rounds = Number(process.env.FUZZ_ROUNDS ?? 1);
const seed = process.env.FUZZ_SEED ?? 'short';
const command = new URL('../fuzz/main.ts', import.meta.url).pathname;

/** Runs the command to its end. */
function fuzz(...options: string[]): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', command, ...options], (error, out, err) =>
      resolve({ code: error?.code ?? 0, output: out + err }),
    );
  });
}

test(`nodes of each configuration withstand ${rounds},000 mutated packets in memory and over sockets`, async () => {
  const result = await run({
    ...{ lanes, entrances: ['memory', 'sockets'], seed },
    dose: { rounds },
  });
  const { finding } = result;
  const where = finding && writeFinding(await narrowed(finding), seed, tmpdir());
  assert.equal(finding, undefined, `${finding?.kind}: ${finding?.detail}; see ${where}`);
  assert.deepEqual(result.unreached, []);
  assert.equal(result.packets, lanes.length * 2 * rounds * 1_000);
});

test('the command lists its options, and reports invalid ones', async () => {
  const [help, noNumber, unknown, tooLong] = await Promise.all([
    fuzz('--help'),
    fuzz('--seconds', 'ten'),
    fuzz('--sceonds', '10'),
    fuzz('--label', 'x'.repeat(256)),
  ]);
  assert.equal(help.code, 0);
  assert.match(help.output, /--seconds N/);
  for (const { code } of [noNumber, unknown, tooLong]) assert.equal(code, 2);
  assert.match(noNumber.output, /--seconds takes a number above 0/);
  assert.match(unknown.output, /--sceonds/);
  assert.match(tooLong.output, /at most 255 bytes/);
});

test('the command replays a file, and exits with 1 for a finding', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  try {
    const path = join(folder, 'dead-claim.hex');
    const claim = { type: MessageType.dead, incarnation: 99, node: PEER, from: PEER };
    const items = [encodeMessage({ ...claim, node: 'no-member' }), encodeMessage(claim)];
    writeFileSync(path, itemText({ lane: { label: '' }, remarks: ['by hand'], items }));
    const harmful = await fuzz('--replay', path);
    assert.match(
      harmful.output,
      /a change of membership: fuzz-peer alive.*, then fuzz-target alive/,
    );
    assert.equal(harmful.code, 1);

    writeFileSync(path, itemText({ lane: { label: '' }, remarks: [], items: items.slice(0, 1) }));
    const harmless = await fuzz('--replay', path);
    assert.match(harmless.output, /plain: label ok, dead ok, form ours\nno finding/);
    assert.equal(harmless.code, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
