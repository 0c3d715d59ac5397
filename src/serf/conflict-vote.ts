/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's internal query about a name conflict: an agent whose name another node claims asks all members which address
// the name has, and shuts down unless a majority of the responses has its own. Without our responses an agent among
// nodes of this library would lose against any newcomer.
import {
  decodeName,
  ipFromBytes,
  ipToBytes,
  joinHostPort,
  type Address,
  type ExtensionContext,
  type Node,
} from '../index.js';
import { SerfMessageType, type Query } from './messages.js';
import { pack, type Packable } from './pack.js';
import { decodeSerfTags } from './tags.js';

const QUERY_NAME = '_serf_conflict';
/** As in Serf: a response is one packet. */
const RESPONSE_BYTES = 1024;
/** Serf's numbers for a member's status. */
const statusOf = { alive: 1, suspect: 1, left: 3, dead: 4 } as const;

/** This node's view of the cluster. */
export type Voter = Pick<ExtensionContext, 'self' | 'member'>;

/** The response to a query about a name conflict; undefined for other queries, and for our own name. */
export function conflictVote(
  query: Query,
  voter: Voter,
): { to: Address; message: Buffer } | undefined {
  if (query.name !== QUERY_NAME) return undefined;
  const { name: From } = voter.self;
  const disputed = decodeName(query.payload);
  const host = ipFromBytes(query.addr);
  if (disputed === From || host === undefined || query.port < 1) return undefined;
  const member = voter.member(disputed);
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
