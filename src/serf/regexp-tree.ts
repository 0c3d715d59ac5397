/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The tree that a regular expression is parsed into.
import type { CharTest } from './regexp-classes.js';

/** Whether an empty position is one: the characters before and after it; undefined at the ends. */
export type Assertion = (before: string | undefined, after: string | undefined) => boolean;

/** The expression is none of RE2's syntax, or is too large. */
export class InvalidExpression extends Error {}

/** The tree of an expression. */
export type Syntax =
  | { readonly kind: 'empty' }
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'assert'; readonly holds: Assertion }
  | { readonly kind: 'all'; readonly parts: readonly Syntax[] }
  | { readonly kind: 'any'; readonly parts: readonly Syntax[] }
  | { readonly kind: 'repeat'; readonly part: Syntax; readonly min: number; readonly max: number };

const isWord = (char: string | undefined): boolean => char !== undefined && /^\w$/.test(char);
export const atBoundary: Assertion = (before, after) => isWord(before) !== isWord(after);
export const atStart: Assertion = (before) => before === undefined;
export const atEnd: Assertion = (_, after) => after === undefined;
export const atLineStart: Assertion = (before) => before === undefined || before === '\n';
export const atLineEnd: Assertion = (_, after) => after === undefined || after === '\n';
export const notAtBoundary: Assertion = (before, after) => !atBoundary(before, after);

/** The error for an expression that is not RE2's. */
export function invalid(what: string): InvalidExpression {
  return new InvalidExpression(`the expression has ${what}`);
}
