/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Scenarios as text: one step a line, to be read as well as to be played again.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scenario } from './scenario.js';

/** Where scenarios are written. */
const folder = join('node_modules', '.cache', 'campaign-scenarios');

/** A scenario as JSON, one step a line. */
export function textOf({ steps, ...others }: Scenario): string {
  const defined = JSON.parse(JSON.stringify(others)) as Record<string, unknown>;
  const fields = Object.entries(defined).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  const lines = steps.map((step) => `    ${JSON.stringify(step)}`);
  const list = lines.length > 0 ? `[\n${lines.join(',\n')}\n  ]` : '[]';
  return `{\n${[...fields, `  "steps": ${list}`].join(',\n')}\n}\n`;
}

/** @throws Error when the text is no scenario */
export function parseScenario(text: string): Scenario {
  const given = JSON.parse(text) as Partial<Scenario> | null;
  for (const field of ['seed', 'nodes', 'settings', 'network', 'steps', 'healAt'] as const) {
    if (given?.[field] === undefined) throw new Error(`a scenario has "${field}"; this has not`);
  }
  return given as Scenario;
}

/** @throws Error when there is no such file, or what it holds is no scenario */
export function readScenario(path: string): Scenario {
  return parseScenario(readFileSync(path, 'utf8'));
}

/** Writes a scenario; gives where. */
export function writeScenario(scenario: Scenario): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `seed-${scenario.seed}.json`);
  writeFileSync(path, textOf(scenario));
  return path;
}
