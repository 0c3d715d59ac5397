/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Why an inbound stream fails, and the drop reason under which it is counted.
import type { DropReason } from '../core/counters.js';
import { MemberlistError, TimeoutError } from '../errors.js';
import { WireError } from '../wire/wire-error.js';
import { MemoryShortage } from './stream-memory.js';

/** A stream follows the protocol, but this node refuses it because of one of its own rules. */
export class Refusal extends Error {
  readonly reason: DropReason;

  constructor(reason: DropReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Whether an exchange is expected to throw such an error; any other error is a bug in this library. */
export function isExpectedFailure(error: unknown): boolean {
  return [WireError, Refusal, MemoryShortage, MemberlistError].some(
    (kind) => error instanceof kind,
  );
}

/** The drop reason for an error of an exchange. */
export function dropReasonOf(error: unknown): DropReason {
  if (error instanceof WireError) return error.fault;
  if (error instanceof Refusal) return error.reason;
  if (error instanceof MemoryShortage) return 'too-many-bytes';
  if (error instanceof TimeoutError) return 'timed-out';
  return error instanceof MemberlistError ? 'incompatible' : 'broken';
}
