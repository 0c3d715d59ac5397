/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The largest remainder method (Hamilton): whole parts of a total that are proportional to weights and add up to it.
import type { RingMember } from './table.js';

interface Part {
  readonly name: string;
  whole: number;
  readonly rest: number;
}

/**
 * Divides a total among members. All nodes with the same members get the same parts.
 *
 * @param members - in an order that all nodes have, by name
 * @returns whole numbers that add up to the total; empty without members
 */
export function apportion(total: number, members: readonly RingMember[]): Map<string, number> {
  const sum = members.reduce((all, { weight }) => all + weight, 0);
  const parts = members.map(({ name, weight }): Part => {
    const quota = total * (weight / sum);
    const whole = Math.floor(quota);
    return { name, whole, rest: quota - whole };
  });
  // The sort is stable: of equal remainders the first name is first.
  const byRest = [...parts].sort((a, b) => b.rest - a.rest);
  let left = parts.reduce((remaining, { whole }) => remaining - whole, total);
  // Rounding may leave more than one for each, or less than none.
  while (left > 0 && byRest.length > 0) {
    const each = Math.floor(left / byRest.length);
    for (const part of byRest) part.whole += each;
    left -= each * byRest.length;
    for (const part of byRest) {
      if (left === 0) break;
      part.whole++;
      left--;
    }
  }
  for (const part of byRest.reverse()) {
    if (left >= 0) break;
    const back = Math.min(part.whole, -left);
    part.whole -= back;
    left += back;
  }
  return new Map(parts.map(({ name, whole }) => [name, whole]));
}
