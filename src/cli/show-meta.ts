/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Metadata for people. Its format is up to the application, so this is a guess.
import type { Node } from '../core/member.js';
import { decodeMeta } from '../node/meta.js';
import { decodeSerfTags } from '../serf/index.js';

/** Metadata as text: decoded as Serf tags, MessagePack or text, otherwise as hexadecimal. */
export function showMeta(meta: Buffer): string {
  if (meta.length === 0) return '';
  if (meta[0] === 255) {
    const tags = decodeSerfTags(meta);
    if (tags !== undefined) {
      return Object.entries(tags)
        .map(([name, value]) => `${name}=${value}`)
        .join(',');
    }
  }
  const object = decodeMeta(meta);
  if (object !== undefined) return JSON.stringify(object);
  const text = meta.toString();
  const isText = Buffer.from(text).equals(meta) && !/[\p{Cc}]/u.test(text);
  return isText ? text : `0x${meta.toString('hex')}`;
}

/** A member as JSON. */
export function nodeAsJson(node: Node): Record<string, unknown> {
  const { name, address, state, incarnation, protocol, delegateProtocol, meta } = node;
  return {
    name,
    address,
    state,
    incarnation,
    protocol,
    delegateProtocol,
    meta: meta.toString('base64'),
    metaText: showMeta(meta),
  };
}
