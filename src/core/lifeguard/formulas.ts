/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The formulas behind the timers: SWIM, section 5, and Lifeguard, section IV-B, as implemented in Go memberlist.

/** How many times a broadcast is sent: `retransmitMult` × ⌈log10(n + 1)⌉. */
export function retransmitLimit(retransmitMult: number, members: number): number {
  return retransmitMult * Math.ceil(Math.log10(members + 1));
}

/** The minimum suspicion timeout in ms: `suspicionMult` × max(1, log10 n) × `probeInterval`. */
export function suspicionMinMs(
  suspicionMult: number,
  members: number,
  probeIntervalMs: number,
): number {
  return suspicionMult * Math.max(1, Math.log10(Math.max(1, members))) * probeIntervalMs;
}

/** Independent confirmations that reduce a suspicion timeout to its minimum; 0 in a small cluster. */
export function confirmationsWanted(suspicionMult: number, members: number): number {
  const wanted = Math.max(0, suspicionMult - 2);
  return members - 2 < wanted ? 0 : wanted;
}

/**
 * The total suspicion timeout with `confirmations` of `wanted`:
 * max − (max − min) × ln(c + 1) / ln(k + 1), rounded down to a millisecond, but at least min.
 */
export function suspicionTimeoutMs(
  confirmations: number,
  wanted: number,
  minMs: number,
  maxMs: number,
): number {
  if (wanted < 1) return minMs;
  const share = Math.log(confirmations + 1) / Math.log(wanted + 1);
  return Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));
}

/** The factor on the push/pull interval in a large cluster: ⌈log2 n − log2 32⌉ + 1 above 32 members. */
export function pushPullScale(members: number): number {
  const threshold = 32;
  if (members <= threshold) return 1;
  return Math.ceil(Math.log2(members) - Math.log2(threshold)) + 1;
}
