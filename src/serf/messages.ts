/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's messages inside memberlist's user messages and states: a type byte, then a MessagePack map with the names of
// Go's fields. Here those about members and user events; query-messages.ts has those of queries.
import { encodeName } from '../index.js';
import { MalformedMessage } from './malformed-message.js';
import { pack, unpack, type Packable, type Packed, type PackedMap } from './pack.js';
import { bytesAt, listIn, mapIn, textOf, timeAt, timeOf } from './reading.js';

/** The first byte of a Serf message. */
export const SerfMessageType = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const;

/** A member announces that it joins or leaves, or another announces that it left. */
export interface Intent {
  readonly kind: 'join' | 'leave';
  readonly ltime: number;
  readonly node: string;
  /** With a leave: the member is erased. Default: false. */
  readonly prune?: boolean;
}

/** An event that an application sends to the cluster. */
export interface UserEvent {
  readonly ltime: number;
  readonly name: string;
  readonly payload: Buffer;
  /** Whether agents may replace it by a newer event of the same name. */
  readonly coalesce: boolean;
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

export function encodeIntent({ kind, ltime, node, prune = false }: Intent): Buffer {
  const body = { LTime: ltime, Node: encodeName(node) };
  return typed(SerfMessageType[kind], kind === 'leave' ? { ...body, Prune: prune } : body);
}

export function encodeUserEvent({ ltime, name, payload, coalesce }: UserEvent): Buffer {
  const body = { LTime: ltime, Name: name, Payload: payload, CC: coalesce };
  return typed(SerfMessageType.userEvent, body);
}

export function encodeState(state: SerfState): Buffer {
  const byTime = new Map<number, { Name: string; Payload: Buffer }[]>();
  for (const { ltime, name, payload } of state.events) {
    const atThatTime = byTime.get(ltime);
    if (atThatTime === undefined) byTime.set(ltime, [{ Name: name, Payload: payload }]);
    else atThatTime.push({ Name: name, Payload: payload });
  }
  return typed(SerfMessageType.pushPull, {
    LTime: state.ltime,
    StatusLTimes: state.statusLtimes,
    LeftMembers: state.leftMembers.map(encodeName),
    EventLTime: state.eventLtime,
    Events: Array.from(byTime, ([LTime, Events]) => ({ LTime, Events })),
    QueryLTime: state.queryLtime,
  });
}

/** @throws MalformedMessage */
export function decodeIntent(kind: Intent['kind'], message: Buffer): Intent {
  const body = mapIn(unpack(message.subarray(1)));
  const intent = { kind, ltime: timeAt(body, 'LTime'), node: textOf(body.get('Node')) };
  return kind === 'leave' && body.get('Prune') === true ? { ...intent, prune: true } : intent;
}

/** @throws MalformedMessage */
export function decodeUserEvent(message: Buffer): UserEvent {
  const body = mapIn(unpack(message.subarray(1)));
  return { ltime: timeAt(body, 'LTime'), ...eventIn(body), coalesce: body.get('CC') === true };
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
  const statusLtimes = new Map<string, number>();
  const times = body.get('StatusLTimes') ?? null;
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

/** A message of a type. */
export function typed(type: number, body: Packable): Buffer {
  return Buffer.concat([Buffer.of(type), pack(body)]);
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
