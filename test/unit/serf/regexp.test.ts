/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Tag filters: RE2's expressions in linear time. The expected results are those of Go's `regexp.MatchString`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matches } from '../../../src/serf/regexp.js';
import { InvalidExpression } from '../../../src/serf/regexp-tree.js';

const isMatch = (expression: string, text: string): boolean =>
  matches(expression, text, { steps: 100_000 });

const matching: readonly [expression: string, yes: readonly string[], no: readonly string[]][] = [
  ['', ['', 'a'], []],
  ['web', ['web', 'a web b'], ['we', 'wEb']],
  ['^web$', ['web'], ['web-1', 'a web', 'web\n']],
  ['^(web|db)-\\d+$', ['web-1', 'db-22'], ['x-1', 'web-', 'web-1a']],
  ['a.c', ['abc', 'a-c', 'aéc', 'a😀c'], ['ac', 'a\nc']],
  ['(?s)a.c', ['a\nc'], ['ac']],
  ['(?i)WEB', ['web', 'wEb'], ['wb']],
  ['(?i:w)eb', ['Web', 'web'], ['WEB']],
  ['(?m)^b$', ['a\nb\nc'], ['ab']],
  ['(?P<name>x)(?:y)', ['xy'], ['x']],
  ['a{2}', ['aa', 'aaa'], ['a']],
  ['^a{2,3}$', ['aa', 'aaa'], ['a', 'aaaa']],
  ['^a{2,}$', ['aa', 'aaaaa'], ['a']],
  ['^a{0}$', [''], ['a']],
  ['a{,2}', ['a{,2}'], ['aa']],
  ['^(a*)*$', ['', 'aaa'], ['ab']],
  ['^a+?b??$', ['a', 'ab', 'aab'], ['b']],
  ['[a-cx]', ['b', 'x'], ['d', '-']],
  ['[^a-c]', ['d', 'ad'], ['a', '']],
  ['[]a]', [']', 'a'], ['b']],
  ['[a-]', ['-', 'a'], ['b']],
  ['[[:alpha:]][[:^digit:]]', ['ab'], ['a1', '1a']],
  ['[\\d\\-]', ['5', '-'], ['a']],
  ['\\bweb\\b', ['a web b'], ['webs']],
  ['\\Bb', ['ab'], ['b']],
  ['\\Aa\\z', ['a'], ['ab', 'a\n']],
  ['\\x41\\x{1F600}', ['A😀'], ['A']],
  ['\\Qa.b\\E+', ['a.b', 'a.bb'], ['axb']],
  ['\\pL+\\p{Greek}\\P{Nd}', ['aβx'], ['aβ1', 'ab1']],
  ['a||b', ['', 'x'], []],
  ['\\.', ['.'], ['a']],
  ['\\101', ['A'], ['1']],
];

test('expressions match as in Go', () => {
  for (const [expression, yes, no] of matching) {
    for (const text of yes) assert.equal(isMatch(expression, text), true, `${expression} ${text}`);
    for (const text of no) assert.equal(isMatch(expression, text), false, `${expression} ${text}`);
  }
});

test('what is no expression of RE2 is an error', () => {
  const wrong = ['(', ')', 'a)', '[', '[a', 'a**', '*', '+a', '\\', 'a{2}{3}', '(?=a)', '(?<!a)'];
  wrong.push('\\1', '\\8', '[b-a]', '[[:nope:]]', '\\p{Nope}', '(?P=n)', '(?P<>a)', 'a{3,2}');
  wrong.push('a{1001}', '(?x)a', '\\x{110000}', '\\c');
  for (const expression of wrong) {
    assert.throws(() => isMatch(expression, 'a'), InvalidExpression, expression);
  }
});

test('expressions that take for ever elsewhere are decided or refused at once', () => {
  const text = 'a'.repeat(500);
  const hard = ['(a+)+$b', '(a|a)*$b', '(a*)*b', '(.*)(.*)(.*)(.*)(.*)x', '(a|aa)+$b'];
  hard.push(
    '(a{1,30}){1,30}b',
    'a{1000}a{1000}',
    '((((a{9}){9}){9}){9}){9}',
    '(((){999}){999}){999}',
  );
  hard.push(
    '('.repeat(400) + ')'.repeat(400),
    '(a?){900}a{90}',
    '[a-z]'.repeat(200),
    'x*'.repeat(490),
  );
  const start = performance.now();
  for (const expression of hard) {
    try {
      isMatch(expression, text);
    } catch (error) {
      assert.ok(error instanceof InvalidExpression, String(error));
    }
  }
  assert.ok(performance.now() - start < 2_000, 'milliseconds each');
});

test('a budget bounds the work of several filters together', () => {
  const budget = { steps: 100 };
  matches('a', 'a'.repeat(10), budget);
  assert.ok(budget.steps < 100);
  assert.throws(() => matches('^a*b', 'a'.repeat(200), budget), InvalidExpression);
});

test('any text is an expression or an InvalidExpression, and agrees with JavaScript where both have it', () => {
  const part = fc.constantFrom(
    'a',
    'b',
    '.',
    '|',
    '(',
    ')',
    '*',
    '+',
    '?',
    '[ab]',
    '[^a]',
    '^',
    '$',
    '\\w',
  );
  const expressions = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
  fc.assert(
    fc.property(expressions, texts, (expression, text) => {
      let ours: boolean;
      try {
        ours = isMatch(expression, text);
      } catch (error) {
        return error instanceof InvalidExpression;
      }
      let theirs: RegExp;
      try {
        theirs = new RegExp(expression, 'u');
      } catch {
        // Such as '$+', which RE2 has.
        return true;
      }
      return ours === theirs.test(text);
    }),
    { numRuns: 2_000, seed: 1 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (expression) => {
      try {
        return typeof isMatch(expression, 'a') === 'boolean';
      } catch (error) {
        return error instanceof InvalidExpression;
      }
    }),
    { numRuns: 2_000, seed: 1 },
  );
});
