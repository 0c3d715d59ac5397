/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The messages of queries: the query with its filters, responses and acks, relays, and the payloads of the internal
// queries about keys and name conflicts.
import {
  encodeName,
  ipFromBytes,
  ipToBytes,
  joinHostPort,
  splitHostPort,
  type Address,
} from '../index.js';
import { MalformedMessage } from './malformed-message.js';
import { SerfMessageType, typed } from './messages.js';
import { pack, unpack, unpackFirst, type Packable } from './pack.js';
import { bytesAt, listIn, malformed, mapIn, textAt, textOf, timeAt, uintAt } from './reading.js';
import type { SerfTags } from './tags.js';

const UINT32 = 0xffffffff;
const ACK_WANTED = 1;
const NO_BROADCAST = 2;
const IS_ACK = 1;
const NODE_FILTER = 0;
const TAG_FILTER = 1;
const NS_PER_MS = 1e6;

/** A query to the cluster. */
export interface Query {
  readonly ltime: number;
  /** 32 bits, random. */
  readonly id: number;
  readonly name: string;
  readonly payload: Buffer;
  /** Where the response goes; undefined when the query names no address. */
  readonly origin: Address | undefined;
  /** The name of the node that asks. */
  readonly from: string;
  /** Encoded filters: all of them must match. */
  readonly filters: readonly Buffer[];
  readonly wantsAck: boolean;
  /** Whether it is for this node only and not passed on. */
  readonly isPrivate: boolean;
  /** Members that a response is relayed through in addition: 0 to 255. */
  readonly relayFactor: number;
  /** Milliseconds until responses are late. */
  readonly timeoutMs: number;
}

/** A response to a query, or an ack. */
export interface QueryResponse {
  readonly ltime: number;
  readonly id: number;
  readonly from: string;
  readonly isAck: boolean;
  readonly payload: Buffer;
}

/** Which members a query is for. */
export type Filter =
  | { readonly kind: 'nodes'; readonly names: readonly string[] }
  | { readonly kind: 'tag'; readonly tag: string; readonly expr: string };

/** The response to a query about keys; keys are base64. */
export interface KeyResponse {
  readonly result: boolean;
  readonly message: string;
  readonly keys: readonly string[];
  readonly primaryKey: string;
}

/** A member in the response to a query about a name conflict. */
export interface DisputedMember {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly tags: SerfTags;
  /** 0 none, 1 alive, 2 leaving, 3 left, 4 failed. */
  readonly status: number;
  readonly protocol: { readonly min: number; readonly max: number; readonly current: number };
  readonly delegateProtocol: {
    readonly min: number;
    readonly max: number;
    readonly current: number;
  };
}

export function encodeQuery(query: Query): Buffer {
  const at = query.origin && splitHostPort(query.origin.addr);
  return typed(SerfMessageType.query, {
    LTime: query.ltime,
    ID: query.id,
    Addr: (at && ipToBytes(at.host)) ?? null,
    Port: at?.port ?? 0,
    SourceNode: encodeName(query.from),
    Filters: query.filters.length === 0 ? null : query.filters,
    Flags: (query.wantsAck ? ACK_WANTED : 0) | (query.isPrivate ? NO_BROADCAST : 0),
    RelayFactor: query.relayFactor,
    Timeout: Math.round(query.timeoutMs * NS_PER_MS),
    Name: query.name,
    Payload: query.payload,
  });
}

/** @throws MalformedMessage */
export function decodeQuery(message: Buffer): Query {
  const body = mapIn(unpack(message.subarray(1)));
  const flags = uintAt(body, 'Flags', UINT32);
  const host = ipFromBytes(bytesAt(body, 'Addr'));
  const port = uintAt(body, 'Port', 0xffff);
  const from = textAt(body, 'SourceNode');
  const addr = host === undefined || port === 0 ? undefined : joinHostPort(host, port);
  return {
    ltime: timeAt(body, 'LTime'),
    id: uintAt(body, 'ID', UINT32),
    name: textAt(body, 'Name'),
    payload: bytesAt(body, 'Payload'),
    origin: addr === undefined ? undefined : from === '' ? { addr } : { addr, name: from },
    from,
    filters: listIn(body.get('Filters')).map((filter) => {
      if (Buffer.isBuffer(filter)) return filter;
      // As in Go: nil is an empty filter, which matches nothing.
      if (filter === null) return Buffer.alloc(0);
      throw malformed('a filter');
    }),
    wantsAck: (flags & ACK_WANTED) !== 0,
    isPrivate: (flags & NO_BROADCAST) !== 0,
    relayFactor: uintAt(body, 'RelayFactor', 0xff),
    timeoutMs: uintAt(body, 'Timeout', Number.MAX_SAFE_INTEGER) / NS_PER_MS,
  };
}

export function encodeResponse({ ltime, id, from, isAck, payload }: QueryResponse): Buffer {
  return typed(SerfMessageType.queryResponse, {
    LTime: ltime,
    ID: id,
    From: encodeName(from),
    Flags: isAck ? IS_ACK : 0,
    Payload: isAck ? null : payload,
  });
}

/** @throws MalformedMessage */
export function decodeResponse(message: Buffer): QueryResponse {
  const body = mapIn(unpack(message.subarray(1)));
  return {
    ltime: timeAt(body, 'LTime'),
    id: uintAt(body, 'ID', UINT32),
    from: textOf(body.get('From')),
    isAck: (uintAt(body, 'Flags', UINT32) & IS_ACK) !== 0,
    payload: bytesAt(body, 'Payload'),
  };
}

export function encodeFilter(filter: Filter): Buffer {
  if (filter.kind === 'nodes') {
    return Buffer.concat([Buffer.of(NODE_FILTER), pack(filter.names.map(encodeName))]);
  }
  return Buffer.concat([Buffer.of(TAG_FILTER), pack({ Tag: filter.tag, Expr: filter.expr })]);
}

/** @throws MalformedMessage for an empty or unknown one too */
export function decodeFilter(filter: Buffer): Filter {
  if (filter[0] === NODE_FILTER) {
    return { kind: 'nodes', names: listIn(unpack(filter.subarray(1))).map(textOf) };
  }
  if (filter[0] !== TAG_FILTER) throw malformed('a filter');
  const body = mapIn(unpack(filter.subarray(1)));
  return { kind: 'tag', tag: textAt(body, 'Tag'), expr: textAt(body, 'Expr') };
}

/** Wraps a message that another member is to forward. */
export function encodeRelay({ to, payload }: { to: Address; payload: Buffer }): Buffer {
  const at = splitHostPort(to.addr);
  const IP = (at && ipToBytes(at.host)) ?? null;
  const header = { DestAddr: { IP, Port: at?.port ?? 0, Zone: '' }, DestName: to.name ?? '' };
  return Buffer.concat([typed(SerfMessageType.relay, header), payload]);
}

/**
 * A message that is to be forwarded, and where to. (A header without a name is of Serf before 0.9.)
 *
 * @throws MalformedMessage
 */
export function decodeRelay(message: Buffer): { to: Address; payload: Buffer } {
  const { value, rest } = unpackFirst(message.subarray(1));
  const header = mapIn(value);
  const dest = mapIn(header.get('DestAddr'));
  const host = ipFromBytes(bytesAt(dest, 'IP'));
  const port = uintAt(dest, 'Port', 0xffff);
  if (host === undefined || port < 1) throw malformed('the address of a relay');
  const name = textAt(header, 'DestName');
  const addr = joinHostPort(host, port);
  return { to: name === '' ? { addr } : { addr, name }, payload: rest };
}

export function encodeKeyRequest(key: Uint8Array): Buffer {
  return typed(SerfMessageType.keyRequest, { Key: key });
}

/** @throws MalformedMessage */
export function decodeKeyRequest(payload: Buffer): Buffer {
  mustBe(payload, SerfMessageType.keyRequest);
  return bytesAt(mapIn(unpack(payload.subarray(1))), 'Key');
}

export function encodeKeyResponse({ result, message, keys, primaryKey }: KeyResponse): Buffer {
  return typed(SerfMessageType.keyResponse, {
    Keys: keys.length === 0 ? null : keys,
    Message: message,
    PrimaryKey: primaryKey,
    Result: result,
  });
}

/** @throws MalformedMessage */
export function decodeKeyResponse(payload: Buffer): KeyResponse {
  mustBe(payload, SerfMessageType.keyResponse);
  const body = mapIn(unpack(payload.subarray(1)));
  return {
    result: body.get('Result') === true,
    message: textAt(body, 'Message'),
    keys: listIn(body.get('Keys')).map(textOf),
    primaryKey: textAt(body, 'PrimaryKey'),
  };
}

export function encodeConflictResponse(member: DisputedMember | undefined): Buffer {
  return typed(SerfMessageType.conflictResponse, member === undefined ? null : packable(member));
}

/**
 * The address that a member knows for a name; undefined when it knows none.
 *
 * @throws MalformedMessage
 */
export function decodeConflictResponse(payload: Buffer): string | undefined {
  mustBe(payload, SerfMessageType.conflictResponse);
  const value = unpack(payload.subarray(1));
  if (value === null) return undefined;
  const body = mapIn(value);
  const host = ipFromBytes(bytesAt(body, 'Addr'));
  return host === undefined ? undefined : joinHostPort(host, uintAt(body, 'Port', 0xffff));
}

function packable(member: DisputedMember): Packable {
  const { protocol, delegateProtocol } = member;
  return {
    Name: encodeName(member.name),
    Addr: ipToBytes(member.addr) ?? null,
    Port: member.port,
    Tags: new Map(Object.entries(member.tags)),
    Status: member.status,
    ProtocolMin: protocol.min,
    ProtocolMax: protocol.max,
    ProtocolCur: protocol.current,
    DelegateMin: delegateProtocol.min,
    DelegateMax: delegateProtocol.max,
    DelegateCur: delegateProtocol.current,
  };
}

function mustBe(payload: Buffer, type: number): void {
  if (payload[0] !== type) throw new MalformedMessage(`a payload of type ${payload[0] ?? 'none'}`);
}
