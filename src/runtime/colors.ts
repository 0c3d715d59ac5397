/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** The environment variables that control colors. */
export type ColorEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Whether to color an output: by default, if it is a terminal. `FORCE_COLOR` takes precedence, as in Node: 0 or false
 * disables colors, any other value enables them. Then a non-empty `NO_COLOR`, and a `TERM` of `dumb`, disable them.
 */
export function showsColors(
  isTerminal: boolean,
  { FORCE_COLOR, NO_COLOR, TERM }: ColorEnvironment = process.env,
): boolean {
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  return isTerminal && TERM !== 'dumb';
}

const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };

/** A text with the escape sequences for a terminal color. */
export function colored(text: string, color: keyof typeof codes): string {
  return `\u001b[${codes[color]}m${text}\u001b[0m`;
}
