/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's tags in the metadata: byte 255, then a MessagePack map of texts.
import { ConfigError, MessageTooLargeError } from '../index.js';
import { MalformedMessage } from './malformed-message.js';
import { pack, unpack } from './pack.js';

/** A Serf member's tags. */
export type SerfTags = Readonly<Record<string, string>>;

const MAGIC = 255;
/** The longest metadata of memberlist, in bytes. */
const MAX_META_BYTES = 512;

/**
 * Tags as metadata.
 *
 * @throws MessageTooLargeError over `limit` bytes; ConfigError for what is no object of texts
 */
export function encodeSerfTags(tags: SerfTags, limit = MAX_META_BYTES): Buffer {
  const entries: [string, unknown][] = Object.entries(tags);
  if (!entries.every(([, value]) => typeof value === 'string')) {
    throw new ConfigError([{ field: 'tags', value: tags, rule: 'must be an object of texts' }]);
  }
  const meta = Buffer.concat([Buffer.of(MAGIC), pack(new Map(entries as [string, string][]))]);
  if (meta.length > limit) throw new MessageTooLargeError('the tags', meta.length, limit);
  return meta;
}

/**
 * The tags of a Serf member. Metadata that does not begin with byte 255 is a role, as very old Serfs had
 * it: `{ role }`.
 *
 * @returns undefined for what is neither
 */
export function decodeSerfTags(meta: Uint8Array): SerfTags | undefined {
  const buf = Buffer.from(meta.buffer, meta.byteOffset, meta.length);
  if (buf.length === 0) return {};
  if (buf[0] !== MAGIC) return { role: buf.toString() };
  try {
    const map = unpack(buf.subarray(1));
    if (!(map instanceof Map)) return undefined;
    const entries = Array.from(map as ReadonlyMap<string, unknown>, ([name, value]) => {
      if (!Buffer.isBuffer(value)) throw new MalformedMessage('a tag that is no text');
      return [Buffer.from(name, 'latin1').toString(), value.toString()] as const;
    });
    return Object.fromEntries(entries);
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined;
    throw error;
  }
}
