/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The one internal query of Serf's that concerns guests already: an agent whose name is contested asks all members
// where they know it, and shuts down unless a majority of the answers names its own address. Without the guests'
// answers an agent among guests would lose against any newcomer.
import type { Node } from '../core/member.js';
import { ipFromBytes, ipToBytes, joinHostPort, type Address } from '../wire/address.js';
import { decodeText } from '../wire/text.js';
import { SerfMessageType, type Query } from './messages.js';
import { pack, type Packable } from './pack.js';
import { decodeSerfTags } from './tags.js';

const QUERY_NAME = '_serf_conflict';
/** As in Serf: a response is one packet. */
const RESPONSE_BYTES = 1024;
/** Serf's numbers for what a member is. */
const statusOf = { alive: 1, suspect: 1, left: 3, dead: 4 } as const;

/** What a member sees that is asked. */
export interface Voter {
  readonly localNode: Node;
  member(name: string): Node | undefined;
}

/** Our answer to a query about a contested name; undefined for other queries, and for our own name. */
export function voteFor(query: Query, voter: Voter): { to: Address; message: Buffer } | undefined {
  if (query.name !== QUERY_NAME) return undefined;
  const { name: From } = voter.localNode;
  const contested = decodeText(query.payload, 0, query.payload.length);
  const host = ipFromBytes(query.addr);
  if (contested === From || host === undefined || query.port < 1) return undefined;
  const member = voter.member(contested);
  const Payload = typed(SerfMessageType.conflictResponse, member ? memberOf(member) : null);
  const { ltime: LTime, id: ID } = query;
  const message = typed(SerfMessageType.queryResponse, { LTime, ID, From, Flags: 0, Payload });
  if (message.length > RESPONSE_BYTES) return undefined;
  const addr = joinHostPort(host, query.port);
  return { to: query.from === '' ? { addr } : { addr, name: query.from }, message };
}

function memberOf({ name, addr, port, meta, state, protocol, delegateProtocol }: Node): Packable {
  return {
    Name: name,
    Addr: ipToBytes(addr) ?? null,
    Port: port,
    Tags: new Map(Object.entries(decodeSerfTags(meta) ?? {})),
    Status: statusOf[state],
    ProtocolMin: protocol.min,
    ProtocolMax: protocol.max,
    ProtocolCur: protocol.current,
    DelegateMin: delegateProtocol.min,
    DelegateMax: delegateProtocol.max,
    DelegateCur: delegateProtocol.current,
  };
}

function typed(type: number, body: Packable): Buffer {
  return Buffer.concat([Buffer.of(type), pack(body)]);
}
