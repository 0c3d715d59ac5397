/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Character classes of regular expressions. Each is a test of one character, so that JavaScript's own engine cannot take
// long where it is used.

/** Whether a character belongs to a class. */
export type CharTest = (char: string) => boolean;

const escaped: Readonly<Record<string, RegExp>> = {
  d: /^[0-9]$/,
  D: /^[^0-9]$/u,
  s: /^[\t\n\f\r ]$/,
  S: /^[^\t\n\f\r ]$/u,
  w: /^[0-9A-Za-z_]$/,
  W: /^[^0-9A-Za-z_]$/u,
};

const posix: Readonly<Record<string, RegExp>> = {
  alnum: /^[0-9A-Za-z]$/,
  alpha: /^[A-Za-z]$/,
  blank: /^[\t ]$/,
  digit: /^[0-9]$/,
  graph: /^[!-~]$/,
  lower: /^[a-z]$/,
  print: /^[ -~]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  space: /^[\t\n\v\f\r ]$/,
  upper: /^[A-Z]$/,
  word: /^[0-9A-Za-z_]$/,
  xdigit: /^[0-9A-Fa-f]$/,
};

const propertyName = /^[A-Z][A-Za-z_]{0,31}$/;

/** The union of several tests, or its complement. */
export function charClass(init: { isNegated: boolean; tests: readonly CharTest[] }): CharTest {
  const { isNegated, tests } = init;
  return (char) => tests.some((test) => test(char)) !== isNegated;
}

/** The class of `\d` and its like; undefined for other letters. */
export function escapedClass(letter: string): CharTest | undefined {
  return Object.hasOwn(escaped, letter) ? testOf(escaped[letter]) : undefined;
}

/** The class of `[:name:]`; undefined for an unknown name. */
export function posixClass(name: string, isNegated: boolean): CharTest | undefined {
  const test = posixTest(name);
  return test && (isNegated ? (char) => !test(char) : test);
}

/** The class of `\p{name}`: a general category or a script; undefined for an unknown name. */
export function unicodeClass(name: string, isNegated: boolean): CharTest | undefined {
  const isComplement = name.startsWith('^') !== isNegated;
  const property = name.replace(/^\^/, '');
  if (property === 'Any') return () => !isComplement;
  if (!propertyName.test(property)) return undefined;
  for (const key of ['General_Category', 'Script']) {
    try {
      const test = testOf(new RegExp(`^\\p{${key}=${property}}$`, 'u'));
      return test && (isComplement ? (char) => !test(char) : test);
    } catch {
      // No name of this property.
    }
  }
  return undefined;
}

/** Whether a class of code points includes a character; with `ignoreCase`, in either case. */
export function foldedIncludes(
  char: string,
  ignoreCase: boolean,
  includes: (code: number) => boolean,
): boolean {
  if (includes(char.codePointAt(0) ?? 0)) return true;
  if (!ignoreCase) return false;
  return [char.toLowerCase(), char.toUpperCase()].some(
    (other) => Array.from(other).length === 1 && includes(other.codePointAt(0) ?? 0),
  );
}

function posixTest(name: string): CharTest | undefined {
  if (name === 'ascii') return (char) => char <= '\x7f';
  if (name === 'cntrl') return (char) => char < ' ' || char === '\x7f';
  return Object.hasOwn(posix, name) ? testOf(posix[name]) : undefined;
}

function testOf(regexp: RegExp | undefined): CharTest | undefined {
  return regexp && ((char) => regexp.test(char));
}
