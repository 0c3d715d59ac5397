/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's messages inside memberlist's user messages and states: a type byte, then a MessagePack map with the names of
// Go's fields. The ones that this extension uses.
import { decodeName, encodeName, ipFromBytes, joinHostPort, type Address } from '../index.js';
import { MalformedMessage } from './malformed-message.js';
import { pack, unpack, unpackFirst, type Packed, type PackedMap } from './pack.js';

/** The first byte of a Serf message. */
export const SerfMessageType = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  relay: 9,
} as const;

/** A member announces that it joins or leaves. */
export interface Intent {
  readonly kind: 'join' | 'leave';
  readonly ltime: number;
  readonly node: string;
}

/** An event that an application sends to the cluster. */
export interface UserEvent {
  readonly ltime: number;
  readonly name: string;
  readonly payload: Buffer;
  /** Whether agents may replace it by a newer event of the same name. */
  readonly coalesce: boolean;
}

/** A query to the cluster: what is needed to pass it on once, and to respond to Serf's internal ones. */
export interface Query {
  readonly ltime: number;
  readonly id: number;
  readonly name: string;
  readonly payload: Buffer;
  /** Where the response goes: the bytes of an IP, a port, and the node's name; all may be missing. */
  readonly addr: Buffer;
  readonly port: number;
  readonly from: string;
  /** Whether it is for this node only and not passed on. */
  readonly isPrivate: boolean;
}

/** The state that two agents exchange in a push/pull. */
export interface SerfState {
  readonly ltime: number;
  readonly statusLtimes: ReadonlyMap<string, number>;
  readonly leftMembers: readonly string[];
  readonly eventLtime: number;
  readonly events: readonly Omit<UserEvent, 'coalesce'>[];
  readonly queryLtime: number;
}

const NO_BROADCAST = 2;
const noText = Buffer.alloc(0);

export function encodeIntent({ kind, ltime, node }: Intent): Buffer {
  const body = { LTime: ltime, Node: encodeName(node) };
  return typed(SerfMessageType[kind], pack(kind === 'leave' ? { ...body, Prune: false } : body));
}

export function encodeUserEvent({ ltime, name, payload, coalesce }: UserEvent): Buffer {
  const body = { LTime: ltime, Name: name, Payload: payload, CC: coalesce };
  return typed(SerfMessageType.userEvent, pack(body));
}

export function encodeState(state: SerfState): Buffer {
  const byTime = new Map<number, { Name: string; Payload: Buffer }[]>();
  for (const { ltime, name, payload } of state.events) {
    const atThatTime = byTime.get(ltime);
    if (atThatTime === undefined) byTime.set(ltime, [{ Name: name, Payload: payload }]);
    else atThatTime.push({ Name: name, Payload: payload });
  }
  const body = {
    LTime: state.ltime,
    StatusLTimes: state.statusLtimes,
    LeftMembers: state.leftMembers.map(encodeName),
    EventLTime: state.eventLtime,
    Events: Array.from(byTime, ([LTime, Events]) => ({ LTime, Events })),
    QueryLTime: state.queryLtime,
  };
  return typed(SerfMessageType.pushPull, pack(body));
}

/** @throws MalformedMessage */
export function decodeIntent(kind: Intent['kind'], message: Buffer): Intent {
  const body = mapIn(unpack(message.subarray(1)));
  return { kind, ltime: timeAt(body, 'LTime'), node: textOf(body.get('Node')) };
}

/** @throws MalformedMessage */
export function decodeUserEvent(message: Buffer): UserEvent {
  const body = mapIn(unpack(message.subarray(1)));
  return { ltime: timeAt(body, 'LTime'), ...eventIn(body), coalesce: body.get('CC') === true };
}

/** @throws MalformedMessage */
export function decodeQuery(message: Buffer): Query {
  const body = mapIn(unpack(message.subarray(1)));
  const isPrivate = (numberAt(body, 'Flags') & NO_BROADCAST) !== 0;
  return {
    ltime: timeAt(body, 'LTime'),
    id: numberAt(body, 'ID'),
    name: textOf(body.get('Name') ?? noText),
    payload: bytesAt(body, 'Payload'),
    addr: bytesAt(body, 'Addr'),
    port: numberAt(body, 'Port'),
    from: textOf(body.get('SourceNode') ?? noText),
    isPrivate,
  };
}

/**
 * A message that is to be forwarded, and where to. (A header without a name is of Serf before 0.9.)
 *
 * @throws MalformedMessage
 */
export function decodeRelay(message: Buffer): { to: Address; payload: Buffer } {
  const { value, rest } = unpackFirst(message.subarray(1));
  const header = mapIn(value);
  const dest = mapIn(header.get('DestAddr') ?? null);
  const ip = dest.get('IP');
  const host = Buffer.isBuffer(ip) ? ipFromBytes(ip) : undefined;
  const port = numberAt(dest, 'Port');
  if (host === undefined || !Number.isInteger(port) || port < 1 || port > 0xffff) {
    throw malformed('the address of a relay');
  }
  const name = textOf(header.get('DestName') ?? noText);
  const addr = joinHostPort(host, port);
  return { to: name === '' ? { addr } : { addr, name }, payload: rest };
}

/** A copy of bytes that are kept: one in memory of its own, as a slice of Node's pool would hold 8 KiB. */
export function kept(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** @throws MalformedMessage */
export function decodeState(state: Buffer): SerfState {
  if (state[0] !== SerfMessageType.pushPull) {
    throw new MalformedMessage(`a state of Serf's type ${state[0] ?? 'none'}`);
  }
  const body = mapIn(unpack(state.subarray(1)));
  const times = body.get('StatusLTimes') ?? null;
  const statusLtimes = new Map<string, number>();
  if (times !== null) {
    for (const [name, time] of mapIn(times)) {
      statusLtimes.set(textOf(Buffer.from(name, 'latin1')), timeOf(time));
    }
  }
  return {
    ltime: timeAt(body, 'LTime'),
    statusLtimes,
    leftMembers: listIn(body.get('LeftMembers')).map(textOf),
    eventLtime: timeAt(body, 'EventLTime'),
    events: listIn(body.get('Events')).flatMap(eventsIn),
    queryLtime: timeAt(body, 'QueryLTime'),
  };
}

// Places of Go's ring that are empty come as nil.
function eventsIn(slot: Packed): Omit<UserEvent, 'coalesce'>[] {
  if (slot === null) return [];
  const body = mapIn(slot);
  const ltime = timeAt(body, 'LTime');
  return listIn(body.get('Events')).map((event) => ({ ltime, ...eventIn(mapIn(event)) }));
}

function eventIn(body: PackedMap): Pick<UserEvent, 'name' | 'payload'> {
  return { name: textOf(body.get('Name')), payload: kept(bytesAt(body, 'Payload')) };
}

function typed(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type), body]);
}

function mapIn(value: Packed): PackedMap {
  if (value instanceof Map) return value as PackedMap;
  throw malformed('a map');
}

function listIn(value: Packed | undefined): readonly Packed[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as readonly Packed[];
  throw malformed('a list');
}

function bytesAt(body: PackedMap, key: string): Buffer {
  const value = body.get(key) ?? noText;
  if (Buffer.isBuffer(value)) return value;
  throw malformed(key);
}

function textOf(value: Packed | undefined): string {
  if (Buffer.isBuffer(value)) return decodeName(value);
  throw malformed('a text');
}

function numberAt(body: PackedMap, key: string): number {
  const value = body.get(key) ?? 0;
  if (typeof value !== 'number') throw malformed(key);
  return value;
}

function timeAt(body: PackedMap, key: string): number {
  return timeOf(body.get(key) ?? 0);
}

// A message with the largest time would leave no time for later messages.
function timeOf(value: Packed): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw malformed('a Lamport time');
}

function malformed(what: string): MalformedMessage {
  return new MalformedMessage(`${what} is not as Serf has it`);
}
