/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The members and messages of all figures. bench/go/codec.go creates the same ones; the figures compare digests, so the
// two cannot diverge unnoticed.

import { MessageType } from '../src/wire/message-type.js';
import type {
  AliveClaim,
  MemberRecord,
  Message,
  Ping,
  SuspectClaim,
} from '../src/wire/messages.js';

/** The name of the node under test. */
export const targetName = 'target';
/** The port of every node in memory. */
export const memberPort = 7946;
/** The address of the node under test, and the member that sends to it: acks to other nodes carry no broadcasts. */
export const targetIp = '10.255.0.1';
export const senderAddress = `10.0.0.1:${memberPort}`;
/** Bytes of metadata per member. */
export const metaBytes = 35;

/** The kind of message whose encoding and decoding are measured. */
export type MessageKind = 'alive' | 'ping' | 'suspect';

const versions = Buffer.of(1, 5, 2, 0, 0, 0);

/** The name of a member. */
export function memberName(index: number): string {
  return `node-${String(index).padStart(5, '0')}`;
}

function memberAddr(index: number): Buffer {
  return Buffer.of(10, index >>> 16, index >>> 8, index);
}

/** 35 bytes, typical for the metadata of a small service. */
function memberMeta(index: number): Buffer {
  return Buffer.from(`role=web,zone=eu-west-1b,build=${String(index % 10_000).padStart(4, '0')}`);
}

/** A member's row in a push/pull. */
export function memberRecord(index: number, incarnation: number): MemberRecord {
  return {
    name: memberName(index),
    addr: memberAddr(index),
    port: memberPort,
    meta: memberMeta(index),
    incarnation,
    state: 0,
    vsn: versions,
  };
}

/** A member's claim about itself. */
export function aliveClaim(index: number, incarnation: number): AliveClaim {
  const { name: node, addr, port, meta, vsn } = memberRecord(index, incarnation);
  return { type: MessageType.alive, node, incarnation, addr, port, meta, vsn };
}

function suspectClaim(index: number, incarnation: number): SuspectClaim {
  return { type: MessageType.suspect, incarnation, node: memberName(index), from: targetName };
}

function pingOf(index: number): Ping {
  return {
    type: MessageType.ping,
    seqNo: 1000 + index,
    node: memberName(index),
    sourceAddr: Buffer.of(10, 255, 0, 1),
    sourcePort: memberPort,
    sourceNode: targetName,
  };
}

/** The messages of one kind, to be encoded repeatedly. */
export function messagesOf(kind: MessageKind, count: number): Message[] {
  return Array.from({ length: count }, (_, index) => {
    const incarnation = 1 + (index % 7);
    if (kind === 'alive') return aliveClaim(index, incarnation);
    return kind === 'suspect' ? suspectClaim(index, incarnation) : pingOf(index);
  });
}
