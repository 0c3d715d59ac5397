/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The payload: 100 bytes with the number of the series, the number of the message, and the time of the publish call.

/** Bytes of every message. */
export const payloadBytes = 100;

const seriesAt = 0;
const numberAt = 4;
const timeAt = 8;

/** What a payload says. */
export interface Stamp {
  readonly series: number;
  readonly number: number;
  /** See {@link nowMs}. */
  readonly publishedAt: number;
}

/**
 * Milliseconds of a clock that all processes of the machine share: `process.hrtime` reads CLOCK_MONOTONIC, whose origin
 * is the start of the system.
 */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Bytes that compression does not make shorter: ours compresses packets by default, the others do not. */
const filling = Buffer.alloc(1 << 16);
for (let at = 0, state = 1; at < filling.length; at++) {
  // The generator of Park and Miller, 1988.
  state = (state * 48_271) % 0x7fff_ffff;
  filling[at] = state >>> 16;
}

/** A new payload that is published now. */
export function stamped(series: number, number: number): Buffer {
  const payload = Buffer.allocUnsafe(payloadBytes);
  const from = (number * payloadBytes) % (filling.length - payloadBytes);
  filling.copy(payload, 0, from, from + payloadBytes);
  payload.writeUInt32LE(series, seriesAt);
  payload.writeUInt32LE(number, numberAt);
  payload.writeDoubleLE(nowMs(), timeAt);
  return payload;
}

/** Reads a payload. */
export function stampOf(payload: Uint8Array): Stamp {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    series: view.getUint32(seriesAt, true),
    number: view.getUint32(numberAt, true),
    publishedAt: view.getFloat64(timeAt, true),
  };
}
