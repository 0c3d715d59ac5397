/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The messages between nodes. Each begins with its type:
//
//     1 flags maps       changes: for each map its name, boot id, versions and entries, the oldest first
//     2 hash             a hash of all boot ids and versions that the sender has
//     3 flags versions   a digest: for each map its name, boot id and version
//
// A map of changes is complete from one version up to another: a receiver that has everything up to the first has
// everything up to the second afterwards (van Renesse et al. 2008, section 3).
import { decodeName, encodeName } from '../index.js';
import { bootBytes, type BootId } from './boot.js';
import { Reader, varintBytes, Writer } from './bytes.js';
import { stateLimits } from './limits.js';
import { MalformedState } from './malformed.js';

/** The first byte of a message. */
export const MessageKind = { changes: 1, hash: 2, digest: 3 } as const;

/** Bytes of a hash. */
export const hashBytes = 8;

const longestName = 65_536;
const flagForward = 1;
const flagAnswer = 1;
const flagWhole = 1;
/** The first number after the version of an entry; an entry with a time to live has this and the time. */
const deleted = 0;
const plain = 1;
const expiring = 2;

/** An entry of a map, as it is sent. */
export interface SentEntry {
  readonly key: string;
  readonly version: number;
  /** The bytes of the value as Latin-1; undefined if the key is deleted. */
  readonly value: string | undefined;
  /** Milliseconds that remain until it expires; undefined if it does not. */
  readonly ttlMs: number | undefined;
}

/** Which changes of a map these are. */
export interface MapRange {
  readonly name: string;
  readonly boot: BootId;
  /** Complete after this version; 0 if from the beginning. */
  readonly from: number;
  /** Complete up to this version. */
  readonly to: number;
  /** The whole map, without deleted keys: it replaces what the receiver has. */
  readonly isWhole: boolean;
}

/** Changes of one map that are to be sent. */
export interface MapChanges extends MapRange {
  /** By increasing version. */
  readonly entries: readonly SentEntry[];
  /** Their bytes. */
  readonly entryBytes: number;
}

/** Changes of one map that were received. Most of them are received several times, so the entries are decoded when needed. */
export interface ReceivedMap extends MapRange {
  /** The entries: a view of the message. */
  readonly body: Buffer;
}

/** How far a node has one map. */
export interface MapVersion {
  readonly name: string;
  readonly boot: BootId;
  readonly version: number;
}

/** A message. */
export type StateMessage =
  | { readonly kind: 'changes'; readonly mayForward: boolean; readonly maps: ReceivedMap[] }
  | { readonly kind: 'hash'; readonly hash: Buffer }
  | { readonly kind: 'digest'; readonly wantsAnswer: boolean; readonly versions: MapVersion[] };

/**
 * Reads a message.
 *
 * @throws MalformedState
 */
export function decodeMessage(payload: Buffer): StateMessage {
  const reader = new Reader(payload);
  const kind = reader.byte();
  if (kind === MessageKind.hash) return readHash(reader);
  if (kind !== MessageKind.changes && kind !== MessageKind.digest) {
    throw new MalformedState(`a message of the type ${kind}`);
  }
  const flags = reader.byte();
  return kind === MessageKind.changes
    ? { kind: 'changes', mayForward: (flags & flagForward) !== 0, maps: readMaps(reader) }
    : { kind: 'digest', wantsAnswer: (flags & flagAnswer) !== 0, versions: readVersions(reader) };
}

function readHash(reader: Reader): StateMessage {
  const hash = reader.fixed(hashBytes);
  if (!reader.atEnd) throw new MalformedState('bytes behind a hash');
  return { kind: 'hash', hash };
}

function readMaps(reader: Reader): ReceivedMap[] {
  const maps: ReceivedMap[] = [];
  while (!reader.atEnd) maps.push(readMap(reader));
  return maps;
}

function readMap(reader: Reader): ReceivedMap {
  const name = decodeName(reader.bytes(longestName));
  const boot = reader.fixed(bootBytes).toString('hex');
  const from = reader.varint();
  const to = from + reader.varint();
  if (!Number.isSafeInteger(to)) throw new MalformedState('a version is too large');
  const isWhole = (reader.byte() & flagWhole) !== 0;
  if (isWhole && from !== 0) throw new MalformedState('a whole map that begins in the middle');
  return { name, boot, from, to, isWhole, body: reader.bytes(stateLimits.streamBytes) };
}

/**
 * The entries of received changes.
 *
 * @throws MalformedState
 */
export function decodeEntries({ from, to, body }: ReceivedMap): SentEntry[] {
  const reader = new Reader(body);
  const entries: SentEntry[] = [];
  for (let version = from; !reader.atEnd;) {
    const entry = readEntry(reader, version);
    if (entry.version > to) throw new MalformedState('an entry behind the last version');
    entries.push(entry);
    version = entry.version;
  }
  return entries;
}

function readEntry(reader: Reader, before: number): SentEntry {
  const step = reader.varint();
  const version = before + step;
  if (step === 0 || !Number.isSafeInteger(version)) throw new MalformedState('versions repeat');
  const type = reader.varint();
  const key = reader.text(stateLimits.keyBytes, 'utf8');
  // Bytes that are no UTF-8 become U+FFFD: two different keys in bytes must not be the same key in text.
  if (key === '' || key.includes('\ufffd')) throw new MalformedState('a key is no text');
  if (type === deleted) return { key, version, value: undefined, ttlMs: undefined };
  const ttlMs = type === plain ? undefined : type - expiring;
  if (ttlMs !== undefined && ttlMs > stateLimits.ttlMs) throw new MalformedState('a time to live');
  const value = reader.text(stateLimits.streamBytes, 'latin1');
  return { key, version, value, ttlMs };
}

function readVersions(reader: Reader): MapVersion[] {
  const versions: MapVersion[] = [];
  while (!reader.atEnd) {
    if (versions.length >= stateLimits.digestEntries)
      throw new MalformedState('a digest is too long');
    const name = decodeName(reader.bytes(longestName));
    const boot = reader.fixed(bootBytes).toString('hex');
    versions.push({ name, boot, version: reader.varint() });
  }
  return versions;
}

/** A hash as a message. */
export function encodeHash(hash: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(MessageKind.hash), hash]);
}

/**
 * Digests as messages of at most `budget` bytes.
 *
 * @param most - at most so many messages; versions that do not fit are left out
 */
export function encodeDigests(
  versions: Iterable<MapVersion>,
  options: { readonly wantsAnswer: boolean; readonly budget: number; readonly most: number },
): Buffer[] {
  const messages: Buffer[] = [];
  let writer: Writer | undefined;
  for (const { name, boot, version } of versions) {
    const nameBytes = encodeName(name);
    const bytes =
      varintBytes(nameBytes.length) + nameBytes.length + bootBytes + varintBytes(version);
    if (2 + bytes > options.budget) continue;
    if (writer !== undefined && writer.length + bytes > options.budget) {
      messages.push(writer.result);
      writer = undefined;
    }
    if (writer === undefined) {
      if (messages.length >= options.most) return messages;
      writer = new Writer();
      writer.byte(MessageKind.digest);
      writer.byte(options.wantsAnswer ? flagAnswer : 0);
    }
    writer.bytes(nameBytes);
    writer.fixedText(boot, 'hex', bootBytes);
    writer.varint(version);
  }
  if (writer !== undefined) messages.push(writer.result);
  return messages;
}

/** Bytes of a message of changes before the first map. */
export const changesHeaderBytes = 2;

/** Starts a message of changes. */
export function startChanges(mayForward: boolean): Writer {
  const writer = new Writer(1024);
  writer.byte(MessageKind.changes);
  writer.byte(mayForward ? flagForward : 0);
  return writer;
}

/** The most bytes that the header of a map takes. */
export function mapHeaderBytes(nameBytes: number): number {
  return varintBytes(nameBytes) + nameBytes + bootBytes + 8 + 8 + 1 + 8;
}

/** Bytes of an entry. */
export function entryBytes(entry: SentEntry, before: number): number {
  const { key, version, value } = entry;
  const keyBytes = Buffer.byteLength(key);
  const bytes = varintBytes(version - before) + varintBytes(typeOf(entry)) + keyBytes;
  const valueBytes = value === undefined ? 0 : varintBytes(value.length) + value.length;
  return bytes + varintBytes(keyBytes) + valueBytes;
}

/** Writes the changes of a map. */
export function writeMap(writer: Writer, map: MapChanges): void {
  writer.bytes(encodeName(map.name));
  writer.fixedText(map.boot, 'hex', bootBytes);
  writer.varint(map.from);
  writer.varint(map.to - map.from);
  writer.byte(map.isWhole ? flagWhole : 0);
  writer.varint(map.entryBytes);
  let before = map.from;
  for (const entry of map.entries) {
    writer.varint(entry.version - before);
    writer.varint(typeOf(entry));
    writer.text(entry.key, 'utf8');
    if (entry.value !== undefined) writer.text(entry.value, 'latin1');
    before = entry.version;
  }
}

function typeOf({ value, ttlMs }: SentEntry): number {
  if (value === undefined) return deleted;
  return ttlMs === undefined ? plain : expiring + Math.max(0, Math.ceil(ttlMs));
}
