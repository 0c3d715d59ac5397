/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A finding of a run, and the file that reproduces it.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findingsFolder, itemText, type Item } from './item-file.js';
import { nameOf, type Lane } from './lane.js';

/** Events that must not occur. */
export type FindingKind =
  | 'a throw'
  | 'an unhandled failure'
  | 'an error in the log'
  | 'a change of membership'
  | 'a slow packet'
  | 'a stream without end'
  | 'an unresponsive node'
  | 'a grown heap';

/** A finding, and the items that caused it, the last one last. */
export interface Finding {
  readonly kind: FindingKind;
  readonly detail: string;
  readonly lane: Lane;
  readonly items: readonly Item[];
}

/** Thrown for a finding; the runner of the fuzzer writes it to a file. */
export class Found extends Error {
  readonly finding: Finding;

  constructor(finding: Finding) {
    super(`${finding.kind}: ${finding.detail}`);
    this.finding = finding;
  }
}

/** Writes a finding to a file whose name depends on its bytes. Returns the path. */
export function writeFinding(finding: Finding, seed: string, folder = findingsFolder): string {
  const { kind, detail, lane, items } = finding;
  const remarks = [`${kind} (${nameOf(lane)}), with seed ${seed}: ${detail}`];
  const bytes = itemText({ lane, items, remarks: [] });
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${hash}.hex`);
  writeFileSync(path, itemText({ lane, items, remarks }));
  return path;
}
