/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The schemas of all MessagePack bodies. Each has its fields as data, for the slow path and for tests, and a `read`
// and a `write` that process the fields directly in wire order; property tests check that both agree.
import { MessageType } from './message-type.js';
import type {
  AckResp,
  AliveClaim,
  Compressed,
  DeadClaim,
  ErrResp,
  IndirectPing,
  MemberRecord,
  Message,
  NackResp,
  Ping,
  PushPullHeader,
  SuspectClaim,
  UserMessageHeader,
} from './messages.js';
import { type Fields, key, schema, type Schema, type SchemaCodec } from './schema.js';
import type { StructWriter } from './struct-writer.js';

function message<T extends Message>(
  name: string,
  type: T['type'],
  fields: Fields,
  codec: SchemaCodec<T>,
): Schema<T> {
  const body = schema<T>(name, fields, codec);
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
      vsn: r.sharedBytes(key.vsn),
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
      vsn: r.sharedBytes(key.vsn),
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
for (const each of Object.values(schemas)) byType[each.zero().type] = each;

/** The schema of a message type whose body is one MessagePack map. */
export function schemaOfType(type: number): Schema<Message> | undefined {
  return byType[type];
}
