/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Changes of maps, as peers send them.
import { Writer } from '../../../src/state/bytes.js';
import { decodeMessage, entryBytes, type ReceivedMap } from '../../../src/state/messages.js';
import { startChanges, writeMap, type SentEntry } from '../../../src/state/messages.js';

/** A boot id with so many milliseconds. */
export function boot(ms: number, salt = 1): string {
  return ms.toString(16).padStart(12, '0') + salt.toString(16).padStart(4, '0');
}

/** An entry. */
export function entry(version: number, key: string, value?: string, ttlMs?: number): SentEntry {
  return { version, key, value, ttlMs };
}

interface Given {
  readonly name?: string;
  readonly boot?: string;
  readonly from?: number;
  readonly to?: number;
  readonly isWhole?: boolean;
  readonly entries?: readonly SentEntry[];
}

/** A message with one map. */
export function message(given: Given): Buffer {
  const { name = 'a', boot: id = boot(1), from = 0, isWhole = false, entries = [] } = given;
  const to = given.to ?? entries.at(-1)?.version ?? from;
  let before = from;
  let bytes = 0;
  for (const each of entries) {
    bytes += entryBytes(each, before);
    before = each.version;
  }
  const writer: Writer = startChanges(false);
  writeMap(writer, { name, boot: id, from, to, isWhole, entries, entryBytes: bytes });
  return writer.result;
}

/** A map as it is received. */
export function received(given: Given): ReceivedMap {
  const decoded = decodeMessage(message(given));
  if (decoded.kind !== 'changes') throw new Error(decoded.kind);
  return decoded.maps[0]!;
}
