/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Boot ids: which run of a node a map belongs to. They are ordered, so that a restarted node replaces its earlier map.
import type { Clock, Random } from '../index.js';

/** 16 hex digits: 12 of milliseconds since 1970, 4 of random bits. A larger text is a later boot. */
export type BootId = string;

/** Smaller than the boot id of any node: nothing is known. */
export const noBoot: BootId = '0'.repeat(16);

/** Bytes of a boot id on the wire. */
export const bootBytes = 8;

const mostMs = 2 ** 48 - 1;

/** A boot id of the current time. */
export function drawBoot(clock: Clock, random: Random): BootId {
  return bootOf(wallMs(clock), random);
}

/** A boot id that is larger than another one, and of the current time if that is larger. */
export function bootAfter(boot: BootId, clock: Clock, random: Random): BootId {
  return bootOf(Math.max(wallMs(clock), bootMs(boot) + 1), random);
}

/** The time in a boot id. */
export function bootMs(boot: BootId): number {
  return parseInt(boot.slice(0, 12), 16);
}

/** Milliseconds since 1970; in a simulation, of the virtual clock. */
export function wallMs(clock: Clock): number {
  return clock.wallNow?.() ?? clock.now();
}

function bootOf(ms: number, random: Random): BootId {
  const time = Math.min(Math.max(Math.floor(ms), 0), mostMs);
  // Never zero: `noBoot` is no boot id of a node.
  const salt = 1 + Math.floor(random.next() * 0xffff);
  return time.toString(16).padStart(12, '0') + salt.toString(16).padStart(4, '0');
}
