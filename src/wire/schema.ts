/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A schema describes a MessagePack map with a fixed set of keys. The order of its fields is their order on the wire
// (alphabetical by wire name, as in Go).
import { noBytes } from './messages.js';
import type { StructReader } from './struct-reader.js';
import type { StructWriter } from './struct-writer.js';

/** The type of a field. `nullableBytes` distinguishes Go's nil from empty; the other kinds do not. */
export type FieldKind = 'text' | 'bytes' | 'nullableBytes' | 'u8' | 'u16' | 'u32' | 'bool';

export interface Field {
  readonly wireName: string;
  readonly property: string;
  readonly kind: FieldKind;
  /** Omitted on the wire when empty or zero. */
  readonly optional: boolean;
  /** The key on the wire: fixraw header and name. */
  readonly key: Buffer;
}

/** A MessagePack map with a fixed set of keys. */
export interface Schema<T> {
  readonly name: string;
  readonly fields: readonly Field[];
  /** The value of a map without keys. */
  zero(): T;
  /** Reads the fields in wire order; the result is valid only if the reader confirms it. */
  read(reader: StructReader): T;
  write(writer: StructWriter, value: T): void;
}

/** A key on the wire: fixraw header and name. */
function keyOf(wireName: string): Buffer {
  return Buffer.concat([Buffer.of(0xa0 | wireName.length), Buffer.from(wireName)]);
}

/** All keys of the protocol. */
export const key = {
  addr: keyOf('Addr'),
  algo: keyOf('Algo'),
  buf: keyOf('Buf'),
  error: keyOf('Error'),
  from: keyOf('From'),
  incarnation: keyOf('Incarnation'),
  join: keyOf('Join'),
  meta: keyOf('Meta'),
  nack: keyOf('Nack'),
  name: keyOf('Name'),
  node: keyOf('Node'),
  nodes: keyOf('Nodes'),
  payload: keyOf('Payload'),
  port: keyOf('Port'),
  seqNo: keyOf('SeqNo'),
  sourceAddr: keyOf('SourceAddr'),
  sourceNode: keyOf('SourceNode'),
  sourcePort: keyOf('SourcePort'),
  state: keyOf('State'),
  target: keyOf('Target'),
  userMsgLen: keyOf('UserMsgLen'),
  userStateLen: keyOf('UserStateLen'),
  vsn: keyOf('Vsn'),
};

/** The fields of a schema: wire name and kind; a question mark means omitted when empty. */
export type Fields = Record<string, FieldKind | `${FieldKind}?`>;
/** The functions that read and write a schema. */
export type SchemaCodec<T> = Pick<Schema<T>, 'read' | 'write'>;

/** Creates a schema. */
export function schema<T>(name: string, fields: Fields, codec: SchemaCodec<T>): Schema<T> {
  const list = Object.entries(fields).map(([wireName, type]): Field => {
    const optional = type.endsWith('?');
    const kind = (optional ? type.slice(0, -1) : type) as FieldKind;
    const property = wireName.charAt(0).toLowerCase() + wireName.slice(1);
    return { wireName, property, kind, optional, key: keyOf(wireName) };
  });
  const zeros = list.map(({ property, kind }) => [property, zeroOf(kind)] as const);
  const prototype = Object.fromEntries(zeros);
  return { name, fields: list, zero: () => ({ ...prototype }) as T, ...codec };
}

function zeroOf(kind: FieldKind): unknown {
  switch (kind) {
    case 'text':
      return '';
    case 'bytes':
      return noBytes;
    case 'nullableBytes':
      return null;
    case 'bool':
      return false;
    default:
      return 0;
  }
}
