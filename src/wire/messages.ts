/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The shape of every MessagePack body, as data. The codec is driven by these schemas; a field's
// place in its list is its place on the wire (alphabetical by wire name, as Go writes it).
import { MessageType } from './message-type.js';

/** How a field travels. `nullableBytes` keeps Go's nil apart from empty; the other kinds do not. */
export type FieldKind = 'text' | 'bytes' | 'nullableBytes' | 'u8' | 'u16' | 'u32' | 'bool';

export interface Field {
  readonly wireName: string;
  readonly property: string;
  readonly kind: FieldKind;
  /** Left out on the wire when empty or zero. */
  readonly optional: boolean;
  /** The key as it stands on the wire: fixraw header and name. */
  readonly key: Buffer;
}

/** A MessagePack map with a fixed set of keys. `zero` makes the value of a map without any. */
export interface Schema<T> {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly required: number;
  zero(): T;
}

/** No bytes: the zero value of an address. */
export const noBytes: Buffer = Buffer.alloc(0);

export interface Ping {
  readonly type: typeof MessageType.ping;
  seqNo: number;
  /** The intended receiver; empty: whoever gets it. */
  node: string;
  sourceAddr: Buffer;
  sourcePort: number;
  sourceNode: string;
}

export interface IndirectPing {
  readonly type: typeof MessageType.indirectPing;
  seqNo: number;
  /** Address bytes of the node to ping for the asker. */
  target: Buffer;
  port: number;
  node: string;
  nack: boolean;
  sourceAddr: Buffer;
  sourcePort: number;
  sourceNode: string;
}

export interface AckResp {
  readonly type: typeof MessageType.ackResp;
  seqNo: number;
  payload: Buffer | null;
}

export interface NackResp {
  readonly type: typeof MessageType.nackResp;
  seqNo: number;
}

export interface ErrResp {
  readonly type: typeof MessageType.err;
  error: string;
}

/** `from` says that `node` does not answer. */
export interface SuspectClaim {
  readonly type: typeof MessageType.suspect;
  incarnation: number;
  node: string;
  from: string;
}

/** `from` says that `node` is dead; from the node itself: that it left. */
export interface DeadClaim {
  readonly type: typeof MessageType.dead;
  incarnation: number;
  node: string;
  from: string;
}

/** A node says that it is alive, where, and with what metadata. */
export interface AliveClaim {
  readonly type: typeof MessageType.alive;
  incarnation: number;
  node: string;
  addr: Buffer;
  port: number;
  meta: Buffer | null;
  /** Protocol min, max, current, delegate min, max, current; from a peer: as many as it sent. */
  vsn: Buffer;
}

/** One member in a push/pull. */
export interface MemberRecord {
  name: string;
  addr: Buffer;
  port: number;
  meta: Buffer | null;
  incarnation: number;
  /** 0 alive, 1 suspect, 2 dead, 3 left. */
  state: number;
  vsn: Buffer;
}

export interface PushPullHeader {
  nodes: number;
  userStateLen: number;
  join: boolean;
}

export interface UserMessageHeader {
  userMsgLen: number;
}

export interface Compressed {
  /** 0 is LZW, the only one there is. */
  algo: number;
  buf: Buffer;
}

/** A message whose body is one MessagePack map. */
export type Message =
  Ping | IndirectPing | AckResp | NackResp | ErrResp | SuspectClaim | AliveClaim | DeadClaim;

function schema<T>(name: string, fields: Record<string, FieldKind | `${FieldKind}?`>): Schema<T> {
  const list = Object.entries(fields).map(([wireName, spelled]): Field => {
    const optional = spelled.endsWith('?');
    const kind = (optional ? spelled.slice(0, -1) : spelled) as FieldKind;
    const key = Buffer.concat([Buffer.of(0xa0 | wireName.length), Buffer.from(wireName)]);
    const property = wireName.charAt(0).toLowerCase() + wireName.slice(1);
    return { wireName, property, kind, optional, key };
  });
  const zeros = list.map(({ property, kind }) => [property, zeroOf(kind)] as const);
  const prototype = Object.fromEntries(zeros);
  return {
    name,
    fields: list,
    required: list.filter(({ optional }) => !optional).length,
    zero: () => ({ ...prototype }) as T,
  };
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

function message<T extends Message>(
  name: string,
  type: T['type'],
  fields: Record<string, FieldKind | `${FieldKind}?`>,
): Schema<T> {
  const body = schema<T>(name, fields);
  return { ...body, zero: () => ({ ...body.zero(), type }) };
}

const source = { SourceAddr: 'bytes?', SourceNode: 'text?', SourcePort: 'u16?' } as const;
const accusation = { From: 'text', Incarnation: 'u32', Node: 'text' } as const;

export const schemas = {
  ping: message<Ping>('ping', MessageType.ping, { Node: 'text', SeqNo: 'u32', ...source }),
  indirectPing: message<IndirectPing>('indirectPing', MessageType.indirectPing, {
    Nack: 'bool',
    Node: 'text',
    Port: 'u16',
    SeqNo: 'u32',
    ...source,
    Target: 'bytes',
  }),
  ackResp: message<AckResp>('ackResp', MessageType.ackResp, {
    Payload: 'nullableBytes',
    SeqNo: 'u32',
  }),
  nackResp: message<NackResp>('nackResp', MessageType.nackResp, { SeqNo: 'u32' }),
  err: message<ErrResp>('err', MessageType.err, { Error: 'text' }),
  suspect: message<SuspectClaim>('suspect', MessageType.suspect, accusation),
  dead: message<DeadClaim>('dead', MessageType.dead, accusation),
  alive: message<AliveClaim>('alive', MessageType.alive, {
    Addr: 'bytes',
    Incarnation: 'u32',
    Meta: 'nullableBytes',
    Node: 'text',
    Port: 'u16',
    Vsn: 'bytes',
  }),
} as const;

export const memberRecordSchema = schema<MemberRecord>('member record', {
  Addr: 'bytes',
  Incarnation: 'u32',
  Meta: 'nullableBytes',
  Name: 'text',
  Port: 'u16',
  State: 'u8',
  Vsn: 'bytes',
});

export const pushPullHeaderSchema = schema<PushPullHeader>('push/pull header', {
  Join: 'bool',
  Nodes: 'u32',
  UserStateLen: 'u32',
});

export const userMessageHeaderSchema = schema<UserMessageHeader>('user message header', {
  UserMsgLen: 'u32',
});

export const compressedSchema = schema<Compressed>('compressed', { Algo: 'u8', Buf: 'bytes' });

const byType = new Map<number, Schema<Message>>(
  Object.values(schemas).map((each) => [each.zero().type, each as Schema<Message>]),
);

/** The schema of a message type whose body is one MessagePack map. */
export function schemaOfType(type: number): Schema<Message> | undefined {
  return byType.get(type);
}
