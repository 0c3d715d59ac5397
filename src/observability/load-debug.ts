/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Loads the `debug` package when a node starts, instead of importing it: the package calls `require` for modules of
// Node, which fails in a bundle of ES modules. In that case a simple replacement handles the `DEBUG` variable.
import { inspect } from 'node:util';
import type createDebug from 'debug';
import { StderrOutput, type LineOutput } from '../runtime/stderr-output.js';

/** The part of the exports of `debug` that is used here. */
export type CreateDebug = (namespace: string) => Pick<createDebug.Debugger, 'enabled'> & Write;
type Write = (format: string, ...values: unknown[]) => void;

let loaded: CreateDebug | undefined;

/** The `debug` package, or its replacement if it cannot be loaded. Never rejects. */
export async function loadDebug(): Promise<CreateDebug> {
  if (loaded !== undefined) return loaded;
  try {
    loaded = (await import('debug')).default;
  } catch {
    loaded = plainDebug();
  }
  return loaded;
}

/** The replacement for the `debug` package. It reads `DEBUG` once. */
export function plainDebug(
  { DEBUG = '' }: Readonly<Record<string, string | undefined>> = process.env,
  output: LineOutput = new StderrOutput(),
): CreateDebug {
  const patterns = DEBUG.split(/[\s,]+/).filter((pattern) => pattern !== '');
  const [excluded, included] = [true, false].map((isExclusion) =>
    patterns
      .filter((pattern) => pattern.startsWith('-') === isExclusion)
      .map((pattern) => matcherOf(pattern.replace(/^-/, ''))),
  ) as [RegExp[], RegExp[]];
  return (namespace) => {
    const matches = (pattern: RegExp): boolean => pattern.test(namespace);
    const write = (_format: string, ...values: unknown[]): void => {
      const texts = values.map((value) =>
        typeof value === 'string' ? value : inspect(value, { breakLength: Infinity }),
      );
      output.write([new Date().toISOString(), namespace, ...texts].join(' '));
    };
    return Object.assign(write, { enabled: included.some(matches) && !excluded.some(matches) });
  };
}

function matcherOf(pattern: string): RegExp {
  const literal = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*')}$`);
}
