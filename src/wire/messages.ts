/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The content of the protocol's messages. Their encoding is in schemas.ts.
import type { MessageType } from './message-type.js';

/** No bytes: the zero value of an address. */
export const noBytes: Buffer = Buffer.alloc(0);

export interface Ping {
  readonly type: typeof MessageType.ping;
  seqNo: number;
  /** The intended receiver; empty: any node that receives it. */
  node: string;
  sourceAddr: Buffer;
  sourcePort: number;
  sourceNode: string;
}

export interface IndirectPing {
  readonly type: typeof MessageType.indirectPing;
  seqNo: number;
  /** Address bytes of the node to ping for the sender. */
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

/** `from` claims that `node` does not answer. */
export interface SuspectClaim {
  readonly type: typeof MessageType.suspect;
  incarnation: number;
  node: string;
  from: string;
}

/** `from` claims that `node` is dead; if they are the same node: that it left. */
export interface DeadClaim {
  readonly type: typeof MessageType.dead;
  incarnation: number;
  node: string;
  from: string;
}

/** A node announces that it is alive, its address, and its metadata. */
export interface AliveClaim {
  readonly type: typeof MessageType.alive;
  incarnation: number;
  node: string;
  addr: Buffer;
  port: number;
  meta: Buffer | null;
  /** Protocol min, max, current, delegate min, max, current; a peer may send any number of them. */
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
  /** 0 is LZW, 1 is snappy (read only). */
  algo: number;
  buf: Buffer;
}

/** A message whose body is one MessagePack map. */
export type Message =
  Ping | IndirectPing | AckResp | NackResp | ErrResp | SuspectClaim | AliveClaim | DeadClaim;
