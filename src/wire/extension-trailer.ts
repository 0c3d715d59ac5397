/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How a node announces its extensions: a trailer behind the user's metadata,
//
//     [name length, name, version]…, [bytes of all entries], C1 FD C1
//
// No UTF-8 text and no MessagePack value contains the byte C1, so metadata of other implementations does not end like
// this. Serf reads one MessagePack value of the tags and ignores what follows.
import { WireError } from './wire-error.js';

const MARK = Buffer.of(0xc1, 0xfd, 0xc1);
/** The mark and the byte before it. */
const END_BYTES = MARK.length + 1;
const LONGEST_NAME = 16;
const MOST_ENTRY_BYTES = 0xff;

/** The format of an extension's name. */
export const extensionName = /^[a-z0-9-]{1,16}$/;

/** Extensions by name, with their versions: 0 to 255. */
export type ExtensionVersions = Readonly<Record<string, number>>;

const none: ExtensionVersions = Object.freeze(Object.create(null) as ExtensionVersions);

/**
 * The trailer that announces these extensions; empty if there are none.
 *
 * @throws WireError when the entries have more than 255 bytes
 */
export function encodeTrailer(extensions: Iterable<readonly [string, number]>): Buffer {
  const entries = Buffer.concat(
    Array.from(extensions, ([name, version]) =>
      Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1'), Buffer.of(version)]),
    ),
  );
  if (entries.length === 0) return entries;
  if (entries.length > MOST_ENTRY_BYTES) {
    throw new WireError(
      'malformed',
      `${entries.length} bytes of extensions; at most 255 are allowed`,
    );
  }
  return Buffer.concat([entries, Buffer.of(entries.length), MARK]);
}

/**
 * The user's metadata followed by a trailer. Metadata that itself ends like a trailer is followed by an empty one.
 */
export function withTrailer(meta: Buffer | null, trailer: Buffer): Buffer | null {
  const own = meta ?? Buffer.alloc(0);
  if (trailer.length > 0) return Buffer.concat([own, trailer]);
  if (trailerStart(own, 0, own.length) === own.length) return meta;
  return Buffer.concat([own, Buffer.of(0), MARK]);
}

/** Where the trailer of metadata begins; `end` if there is none. */
export function trailerStart(meta: Buffer, start: number, end: number): number {
  // Most metadata has none, so this is checked first.
  if (end - start < END_BYTES || meta[end - 1] !== MARK[2]) return end;
  if (meta[end - 2] !== MARK[1] || meta[end - 3] !== MARK[0]) return end;
  const entriesEnd = end - END_BYTES;
  const first = entriesEnd - (meta[entriesEnd] as number);
  if (first < start) return end;
  let at = first;
  while (at < entriesEnd) {
    const length = meta[at] as number;
    if (length === 0 || length > LONGEST_NAME || at + 2 + length > entriesEnd) return end;
    for (let i = at + 1; i <= at + length; i++) if (!isNameByte(meta[i] as number)) return end;
    at += 2 + length;
  }
  return first;
}

/** Whether metadata announces an extension. Allocates nothing. */
export function announces(meta: Buffer, start: number, end: number, name: string): boolean {
  let at = trailerStart(meta, start, end);
  for (const entriesEnd = end - END_BYTES; at < entriesEnd; at += 2 + (meta[at] as number)) {
    if (isName(meta, at, name)) return true;
  }
  return false;
}

/** The extensions that metadata announces. If a name appears twice, the first version counts. */
export function extensionsIn(meta: Buffer): ExtensionVersions {
  let at = trailerStart(meta, 0, meta.length);
  const entriesEnd = meta.length - END_BYTES;
  if (at >= entriesEnd) return none;
  const versions = Object.create(null) as Record<string, number>;
  while (at < entriesEnd) {
    const versionAt = at + 1 + (meta[at] as number);
    versions[meta.toString('latin1', at + 1, versionAt)] ??= meta[versionAt] as number;
    at = versionAt + 1;
  }
  return Object.freeze(versions);
}

function isName(meta: Buffer, at: number, name: string): boolean {
  if (meta[at] !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (meta[at + 1 + i] !== name.charCodeAt(i)) return false;
  return true;
}

function isNameByte(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d;
}
