/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Text that a peer chose, for people: terminals, log lines, tables, the status page. One rule for all of
// them. Values of the API (events, members()) stay exact; they pass through here where they are shown.
import { limits } from './limits.js';

// Control characters act on a terminal. Format characters reorder or hide what stands beside them (bidi
// controls, zero-width characters, tags), and so does everything that Unicode calls default ignorable
// (fillers, variation selectors). Lone surrogates stand for bytes that are no UTF-8. A row of combining
// marks covers the lines above and below.
const HARMFUL =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?<=\p{M}{4})\p{M}/gu;
const PLAIN_ASCII = /^[\x20-\x7e]*$/;
const CUT = ' …';

/**
 * A text that may come from a peer, as it can be shown: on one line, with nothing in it that acts on a
 * terminal, reorders or hides text, and not longer than `most` characters (and a mark that it was cut).
 * Code points that must not be shown become `\u001b` or `\u{e0001}`.
 *
 * @param most - UTF-16 code units, 1 or more. Default: 1,000
 */
export function printable(text: string, most: number = limits.logLineCharacters): string {
  if (text.length <= most && PLAIN_ASCII.test(text)) return text;
  // Escaping only makes a text longer: what is beyond the bound need not be looked at.
  const shown = withoutHalf(text, most).replace(HARMFUL, escaped);
  if (text.length <= most && shown.length <= most) return shown;
  return withoutHalf(shown, most).replace(/\\(?:u(?:\{[0-9a-f]*|[0-9a-f]{0,3}))?$/, '') + CUT;
}

/** Whether {@link printable} gives the text as it is. */
export function isPrintable(text: string): boolean {
  return printable(text) === text;
}

/** The same for a text of several lines that are ours, such as the message of a `ConfigError`. */
export function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line))
    .join('\n');
}

/**
 * JSON of a value, in ASCII wherever {@link printable} would escape, so that a terminal can show it. What a
 * parser reads is exact, but for texts of more than 2,048 UTF-16 code units, which are cut.
 *
 * @param options.exact - the name of a property whose texts are never cut
 */
export function printableJson(value: unknown, options: { readonly exact?: string } = {}): string {
  const most = limits.jsonTextCharacters;
  const cut = (key: string, each: unknown): unknown =>
    typeof each === 'string' && each.length > most && key !== options.exact
      ? withoutHalf(each, most) + CUT
      : each;
  const text = JSON.stringify(value, cut) as string | undefined;
  return (text ?? 'null').replace(HARMFUL, (char) =>
    Array.from({ length: char.length }, (_, i) => unit(char.charCodeAt(i))).join(''),
  );
}

// The first characters of a text, without half of a pair at the end.
function withoutHalf(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, (last & 0xfc00) === 0xd800 ? most - 1 : most);
}

function escaped(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  return point > 0xffff ? `\\u{${point.toString(16)}}` : unit(point);
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
