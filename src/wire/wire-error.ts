/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** Why bytes from the network were rejected. Each reason is counted and logged separately. */
export const wireFaults = [
  'empty',
  'truncated',
  'malformed',
  'too-large',
  'too-deep',
  'unknown-type',
  'bad-checksum',
  'bad-compression',
  'bad-label',
  'undecryptable',
] as const;
export type WireFault = (typeof wireFaults)[number];

/** Bytes that violate a rule of the wire protocol. This error never leaves the library: the bytes are dropped. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly fault: WireFault;

  constructor(fault: WireFault, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.fault = fault;
  }
}
