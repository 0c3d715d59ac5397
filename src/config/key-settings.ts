/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The settings that control encryption. A missing key, such as from an unset environment variable, would silently
// disable encryption. Therefore these are the only settings that may not be present with the value undefined.

/** The settings for keys; at most one of them may be set. */
export const keyFields = ['secretKey', 'keyring', 'keyFile'] as const;

/** One mistake: the field, and the rule that it breaks. */
export type KeyProblem = readonly [field: (typeof keyFields)[number] | 'plaintext', rule: string];

/** The key settings that a configuration has as own properties, but without a value. */
export function blankKeys(config: object): (typeof keyFields)[number][] {
  return keyFields.filter(
    (field) => Object.hasOwn(config, field) && isBlank((config as Record<string, unknown>)[field]),
  );
}

/** The mistakes in the combination of key settings. `given` has the settings that are not undefined. */
export function keyProblems(
  given: Readonly<Record<string, unknown>>,
  blank: readonly (typeof keyFields)[number][],
): KeyProblem[] {
  const problems = blank.map((field): KeyProblem => [field, blankRule(field)]);
  const keys = keyFields.filter((field) => given[field] !== undefined && !blank.includes(field));
  const [first, ...others] = keys;
  if (first === undefined) return problems;
  if (others.length > 0) {
    problems.push([first, `must not be given together with ${others.join(' and ')}`]);
  }
  if (given.plaintext === true) {
    problems.push(['plaintext', `must not be true together with ${keys.join(' and ')}`]);
  }
  return problems;
}

function blankRule(field: string): string {
  return (
    'must not be empty or undefined: if it comes from an environment variable, set that variable; to run without ' +
    `encryption, omit ${field} and set plaintext: true`
  );
}

function isBlank(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() === '';
  return value === undefined || value === null || (ArrayBuffer.isView(value) && !value.byteLength);
}
