/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** The variables that say whether colours are wanted. */
export type ColourEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Whether an output gets colours: a terminal does. `FORCE_COLOR` decides first, as in Node: 0 or false is no, anything
 * else is yes. Then `NO_COLOR` with any value, and a `TERM` of `dumb`, say no.
 */
export function showsColours(
  isTerminal: boolean,
  { FORCE_COLOR, NO_COLOR, TERM }: ColourEnvironment = process.env,
): boolean {
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  return isTerminal && TERM !== 'dumb';
}

const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };

/** A text in a colour of the terminal's. */
export function coloured(text: string, colour: keyof typeof codes): string {
  return `\u001b[${codes[colour]}m${text}\u001b[0m`;
}
