/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a run found, and the file that lets it be seen again.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findingsFolder, itemText, type Item } from './item-file.js';
import { nameOf, type Lane } from './lane.js';

/** What must not happen, and did. */
export type FindingKind =
  | 'a throw'
  | 'an unhandled failure'
  | 'an error in the log'
  | 'a change of membership'
  | 'a slow packet'
  | 'a stream without end'
  | 'a deaf node'
  | 'a grown heap';

/** What happened, and the items that brought it about, the last one last. */
export interface Finding {
  readonly kind: FindingKind;
  readonly detail: string;
  readonly lane: Lane;
  readonly items: readonly Item[];
}

/** Thrown where something is found; whoever runs the fuzzer writes it down. */
export class Found extends Error {
  readonly finding: Finding;

  constructor(finding: Finding) {
    super(`${finding.kind}: ${finding.detail}`);
    this.finding = finding;
  }
}

/** Writes a finding, under a name that its bytes decide. Returns the path. */
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
