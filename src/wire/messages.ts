/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The shape of every MessagePack body. A field's place in its list is its place on the wire
// (alphabetical by wire name, as Go writes it). Each shape has its fields as data, for the slow road and
// for tests, and a `read` and a `write` that go straight through them in that order; property tests
// hold the two equal.
import { MessageType } from './message-type.js';
import type { StructReader } from './struct-reader.js';
import type { StructWriter } from './struct-writer.js';

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

/** A MessagePack map with a fixed set of keys. */
export interface Schema<T> {
  readonly name: string;
  readonly fields: readonly Field[];
  /** The value of a map without any key. */
  zero(): T;
  /** Asks for the fields in wire order; what comes of it is good only if the reader says so. */
  read(reader: StructReader): T;
  write(writer: StructWriter, value: T): void;
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

/** A key as it stands on the wire: fixraw header and name. */
function keyOf(wireName: string): Buffer {
  return Buffer.concat([Buffer.of(0xa0 | wireName.length), Buffer.from(wireName)]);
}

const key = {
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

type Fields = Record<string, FieldKind | `${FieldKind}?`>;
type Ways<T> = Pick<Schema<T>, 'read' | 'write'>;

function schema<T>(name: string, fields: Fields, ways: Ways<T>): Schema<T> {
  const list = Object.entries(fields).map(([wireName, spelled]): Field => {
    const optional = spelled.endsWith('?');
    const kind = (optional ? spelled.slice(0, -1) : spelled) as FieldKind;
    const property = wireName.charAt(0).toLowerCase() + wireName.slice(1);
    return { wireName, property, kind, optional, key: keyOf(wireName) };
  });
  const zeros = list.map(({ property, kind }) => [property, zeroOf(kind)] as const);
  const prototype = Object.fromEntries(zeros);
  return { name, fields: list, zero: () => ({ ...prototype }) as T, ...ways };
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
  fields: Fields,
  ways: Ways<T>,
): Schema<T> {
  const body = schema<T>(name, fields, ways);
  return { ...body, zero: () => ({ ...body.zero(), type }) };
}

interface Source {
  readonly sourceAddr: Buffer;
  readonly sourceNode: string;
  readonly sourcePort: number;
}

const sourceFields = { SourceAddr: 'bytes?', SourceNode: 'text?', SourcePort: 'u16?' } as const;

function countSource({ sourceAddr, sourceNode, sourcePort }: Source): number {
  return Number(sourceAddr.length > 0) + Number(sourceNode !== '') + Number(sourcePort !== 0);
}

function writeSource(w: StructWriter, { sourceAddr, sourceNode, sourcePort }: Source): void {
  if (sourceAddr.length > 0) w.bytes(key.sourceAddr, sourceAddr);
  if (sourceNode !== '') w.text(key.sourceNode, sourceNode);
  if (sourcePort !== 0) w.uint(key.sourcePort, sourcePort);
}

const ping = message<Ping>(
  'ping',
  MessageType.ping,
  { Node: 'text', SeqNo: 'u32', ...sourceFields },
  {
    read: (r) => ({
      type: MessageType.ping,
      node: r.text(key.node),
      seqNo: r.u32(key.seqNo),
      sourceAddr: r.optionalBytes(key.sourceAddr),
      sourceNode: r.optionalText(key.sourceNode),
      sourcePort: r.optionalU16(key.sourcePort),
    }),
    write: (w, value) => {
      w.map(2 + countSource(value));
      w.text(key.node, value.node);
      w.uint(key.seqNo, value.seqNo);
      writeSource(w, value);
    },
  },
);

const indirectPing = message<IndirectPing>(
  'indirectPing',
  MessageType.indirectPing,
  { Nack: 'bool', Node: 'text', Port: 'u16', SeqNo: 'u32', ...sourceFields, Target: 'bytes' },
  {
    read: (r) => ({
      type: MessageType.indirectPing,
      nack: r.bool(key.nack),
      node: r.text(key.node),
      port: r.u16(key.port),
      seqNo: r.u32(key.seqNo),
      sourceAddr: r.optionalBytes(key.sourceAddr),
      sourceNode: r.optionalText(key.sourceNode),
      sourcePort: r.optionalU16(key.sourcePort),
      target: r.bytes(key.target),
    }),
    write: (w, value) => {
      w.map(5 + countSource(value));
      w.bool(key.nack, value.nack);
      w.text(key.node, value.node);
      w.uint(key.port, value.port);
      w.uint(key.seqNo, value.seqNo);
      writeSource(w, value);
      w.bytes(key.target, value.target);
    },
  },
);

const ackResp = message<AckResp>(
  'ackResp',
  MessageType.ackResp,
  { Payload: 'nullableBytes', SeqNo: 'u32' },
  {
    read: (r) => ({
      type: MessageType.ackResp,
      payload: r.nullableBytes(key.payload),
      seqNo: r.u32(key.seqNo),
    }),
    write: (w, { payload, seqNo }) => {
      w.map(2);
      w.nullableBytes(key.payload, payload);
      w.uint(key.seqNo, seqNo);
    },
  },
);

const nackResp = message<NackResp>(
  'nackResp',
  MessageType.nackResp,
  { SeqNo: 'u32' },
  {
    read: (r) => ({ type: MessageType.nackResp, seqNo: r.u32(key.seqNo) }),
    write: (w, { seqNo }) => {
      w.map(1);
      w.uint(key.seqNo, seqNo);
    },
  },
);

const err = message<ErrResp>(
  'err',
  MessageType.err,
  { Error: 'text' },
  {
    read: (r) => ({ type: MessageType.err, error: r.text(key.error) }),
    write: (w, { error }) => {
      w.map(1);
      w.text(key.error, error);
    },
  },
);

function accusation<T extends SuspectClaim | DeadClaim>(name: string, type: T['type']): Schema<T> {
  const fields = { From: 'text', Incarnation: 'u32', Node: 'text' } as const;
  return message<T>(name, type, fields, {
    read: (r) =>
      ({
        type,
        from: r.text(key.from),
        incarnation: r.u32(key.incarnation),
        node: r.text(key.node),
      }) as T,
    write: (w, { from, incarnation, node }) => {
      w.map(3);
      w.text(key.from, from);
      w.uint(key.incarnation, incarnation);
      w.text(key.node, node);
    },
  });
}

const alive = message<AliveClaim>(
  'alive',
  MessageType.alive,
  {
    Addr: 'bytes',
    Incarnation: 'u32',
    Meta: 'nullableBytes',
    Node: 'text',
    Port: 'u16',
    Vsn: 'bytes',
  },
  {
    read: (r) => ({
      type: MessageType.alive,
      addr: r.bytes(key.addr),
      incarnation: r.u32(key.incarnation),
      meta: r.nullableBytes(key.meta),
      node: r.text(key.node),
      port: r.u16(key.port),
      vsn: r.bytes(key.vsn),
    }),
    write: (w, { addr, incarnation, meta, node, port, vsn }) => {
      w.map(6);
      w.bytes(key.addr, addr);
      w.uint(key.incarnation, incarnation);
      w.nullableBytes(key.meta, meta);
      w.text(key.node, node);
      w.uint(key.port, port);
      w.bytes(key.vsn, vsn);
    },
  },
);

export const schemas = {
  ping,
  indirectPing,
  ackResp,
  nackResp,
  err,
  suspect: accusation<SuspectClaim>('suspect', MessageType.suspect),
  dead: accusation<DeadClaim>('dead', MessageType.dead),
  alive,
} as const;

export const memberRecordSchema = schema<MemberRecord>(
  'member record',
  {
    Addr: 'bytes',
    Incarnation: 'u32',
    Meta: 'nullableBytes',
    Name: 'text',
    Port: 'u16',
    State: 'u8',
    Vsn: 'bytes',
  },
  {
    read: (r) => ({
      addr: r.bytes(key.addr),
      incarnation: r.u32(key.incarnation),
      meta: r.nullableBytes(key.meta),
      name: r.text(key.name),
      port: r.u16(key.port),
      state: r.u8(key.state),
      vsn: r.bytes(key.vsn),
    }),
    write: (w, { addr, incarnation, meta, name, port, state, vsn }) => {
      w.map(7);
      w.bytes(key.addr, addr);
      w.uint(key.incarnation, incarnation);
      w.nullableBytes(key.meta, meta);
      w.text(key.name, name);
      w.uint(key.port, port);
      w.uint(key.state, state);
      w.bytes(key.vsn, vsn);
    },
  },
);

export const pushPullHeaderSchema = schema<PushPullHeader>(
  'push/pull header',
  { Join: 'bool', Nodes: 'u32', UserStateLen: 'u32' },
  {
    read: (r) => ({
      join: r.bool(key.join),
      nodes: r.u32(key.nodes),
      userStateLen: r.u32(key.userStateLen),
    }),
    write: (w, { join, nodes, userStateLen }) => {
      w.map(3);
      w.bool(key.join, join);
      w.uint(key.nodes, nodes);
      w.uint(key.userStateLen, userStateLen);
    },
  },
);

export const userMessageHeaderSchema = schema<UserMessageHeader>(
  'user message header',
  { UserMsgLen: 'u32' },
  {
    read: (r) => ({ userMsgLen: r.u32(key.userMsgLen) }),
    write: (w, { userMsgLen }) => {
      w.map(1);
      w.uint(key.userMsgLen, userMsgLen);
    },
  },
);

export const compressedSchema = schema<Compressed>(
  'compressed',
  { Algo: 'u8', Buf: 'bytes' },
  {
    read: (r) => ({ algo: r.u8(key.algo), buf: r.bytes(key.buf) }),
    write: (w, { algo, buf }) => {
      w.map(2);
      w.uint(key.algo, algo);
      w.bytes(key.buf, buf);
    },
  },
);

const byType: (Schema<Message> | undefined)[] = [];
for (const each of Object.values(schemas)) byType[each.zero().type] = each as Schema<Message>;

/** The schema of a message type whose body is one MessagePack map. */
export function schemaOfType(type: number): Schema<Message> | undefined {
  return byType[type];
}
