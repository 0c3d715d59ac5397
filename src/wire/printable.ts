/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Makes text that a peer chose safe for people: terminals, log lines, tables, the status page. One rule for all of
// them. Values of the API (events, members()) stay exact; they pass through here where they are shown.
import { limits } from './limits.js';

// Control characters act on a terminal. Format characters reorder or hide their neighbors (bidi controls, zero-width
// characters, tags), and so does everything that Unicode calls default ignorable (fillers, variation selectors). Lone
// surrogates represent bytes that are not UTF-8. A sequence of combining marks covers the lines above and below.
const HARMFUL =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?<=\p{M}{4})\p{M}/gu;
const PLAIN_ASCII = /^[\x20-\x7e]*$/;
const CUT = ' …';

/**
 * Makes a text that may come from a peer safe to show: on one line, without characters that act on a terminal,
 * reorder or hide text, and with at most `max` characters (and a mark that it was truncated). Code points that must
 * not be shown become `\u001b` or `\u{e0001}`.
 *
 * @param max - UTF-16 code units, 1 or more. Default: 1,000
 */
export function printable(text: string, max: number = limits.logLineCharacters): string {
  if (text.length <= max && PLAIN_ASCII.test(text)) return text;
  // Escaping only makes a text longer: the text beyond the bound can be ignored.
  const shown = withoutHalf(text, max).replace(HARMFUL, escaped);
  if (text.length <= max && shown.length <= max) return shown;
  return withoutHalf(shown, max).replace(/\\(?:u(?:\{[0-9a-f]*|[0-9a-f]{0,3}))?$/, '') + CUT;
}

/** Whether {@link printable} returns the text unchanged. */
export function isPrintable(text: string): boolean {
  return printable(text) === text;
}

/**
 * {@link printable} for each line of a text whose line breaks are our own, such as the message of a `ConfigError`.
 */
export function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line))
    .join('\n');
}

/**
 * JSON of a value, as ASCII wherever {@link printable} would escape, so that a terminal can show it. A parser reads
 * the exact value, except for texts of more than 2,048 UTF-16 code units, which are truncated.
 *
 * @param options.exact - the name of a property whose texts are never truncated
 */
export function printableJson(value: unknown, options: { readonly exact?: string } = {}): string {
  const max = limits.jsonTextCharacters;
  const cut = (key: string, each: unknown): unknown =>
    typeof each === 'string' && each.length > max && key !== options.exact
      ? withoutHalf(each, max) + CUT
      : each;
  const text = JSON.stringify(value, cut) as string | undefined;
  return (text ?? 'null').replace(HARMFUL, (char) =>
    Array.from({ length: char.length }, (_, i) => unit(char.charCodeAt(i))).join(''),
  );
}

// The first characters of a text, without half of a surrogate pair at the end.
function withoutHalf(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, (last & 0xfc00) === 0xd800 ? max - 1 : max);
}

function escaped(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  return point > 0xffff ? `\\u{${point.toString(16)}}` : unit(point);
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
