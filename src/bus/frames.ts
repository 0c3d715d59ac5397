/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The frames of the bus: one byte for the version, one for the type, then the fields. A frame is one message of the
// extension, in a packet or over a stream.
import type { BusRecord } from './records.js';

/** The version of this format. */
export const FRAME_VERSION = 1;
/** The byte of each type. */
export const frameTypes = {
  data: 1,
  relay: 2,
  repair: 3,
  fetch: 4,
  digest: 5,
  hello: 6,
  welcome: 7,
  ack: 8,
  prune: 9,
  graft: 10,
  request: 11,
  response: 12,
  cancel: 13,
} as const;

/** Messages from their publisher. */
export interface DataFrame {
  readonly type: 'data';
  readonly boot: string;
  /** Whether the publisher sends them to every member itself, so that no member relays them. */
  readonly isDirect: boolean;
  readonly records: readonly BusRecord[];
}

/** Messages that another member passes on. */
export interface RelayFrame {
  readonly type: 'relay';
  readonly publisher: string;
  readonly boot: string;
  readonly records: readonly BusRecord[];
}

/** A part of the answer to a fetch. */
export interface RepairFrame {
  readonly type: 'repair';
  /** Empty: the sender. */
  readonly publisher: string;
  readonly boot: string;
  /** Whether it is the last part. */
  readonly isLast: boolean;
  /** The lowest sequence number that the sender retains. */
  readonly lowest: number;
  /** The highest sequence number that it has. */
  readonly high: number;
  readonly records: readonly BusRecord[];
}

/** Sequence numbers, both inclusive. */
export interface SeqRange {
  readonly from: number;
  readonly to: number;
}

/** Asks for messages. */
export interface FetchFrame {
  readonly type: 'fetch';
  /** Empty: the receiver. */
  readonly publisher: string;
  readonly boot: string;
  /** Ascending, without overlaps. */
  readonly ranges: readonly SeqRange[];
}

/** What a node has of one publisher. */
export interface DigestEntry {
  /** Empty: the sender. */
  readonly publisher: string;
  readonly boot: string;
  /** The lowest sequence number that it retains. */
  readonly lowest: number;
  /** The highest sequence number that it has without a hole before it. */
  readonly high: number;
  /** Whether the publisher has left, and `high` is its last message. */
  readonly isFinal: boolean;
}

/** What a node has. */
export interface DigestFrame {
  readonly type: 'digest';
  /** Whether the sender waits for an acknowledgment of its own messages. */
  readonly wantsAck: boolean;
  /** Whether it answers a digest; it is not answered itself. */
  readonly isReply: boolean;
  /** Whether it lists messages that the receiver may not have yet, in a large cluster. */
  readonly isOffer: boolean;
  readonly entries: readonly DigestEntry[];
}

/** A member asks a publisher where to begin. */
export interface HelloFrame {
  readonly type: 'hello';
  readonly boot: string;
  /** Milliseconds since this incarnation of the member started. */
  readonly ageMs: number;
  /** Whether it wants the messages that the publisher retains. */
  readonly wantsRetained: boolean;
  /** Whether the publisher lists the member for longer than this incarnation exists. */
  readonly isRestarted: boolean;
}

/** The answer of the publisher. */
export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly boot: string;
  /** The boot id of the `hello`. */
  readonly to: string;
  /** The member receives the messages after this number. */
  readonly base: number;
  readonly high: number;
  /** Milliseconds since this incarnation of the publisher started. */
  readonly ageMs: number;
  /** Milliseconds for which the publisher has listed the member, under its name. */
  readonly listedMs: number;
}

/** A member has delivered messages of the receiver. */
export interface AckFrame {
  readonly type: 'ack';
  /** The publisher's. */
  readonly boot: string;
  /** All messages from this number … */
  readonly from: number;
  /** … through this one were delivered. */
  readonly through: number;
}

/** The sender of a message that was known already need not send further ones. */
export interface PruneFrame {
  readonly type: 'prune';
}

/** The receiver shall send new messages at once. */
export interface GraftFrame {
  readonly type: 'graft';
}

export interface RequestFrame {
  readonly type: 'request';
  /** The requester's. */
  readonly boot: string;
  readonly id: number;
  readonly timeoutMs: number;
  readonly topic: string;
  readonly payload: Buffer;
}

/** How a member answers a request. */
export const answerKinds = ['answer', 'none', 'failed', 'accepted', 'busy'] as const;
export type AnswerKind = (typeof answerKinds)[number];

export interface ResponseFrame {
  readonly type: 'response';
  /** The requester's. */
  readonly boot: string;
  readonly id: number;
  readonly kind: AnswerKind;
  readonly payload: Buffer;
}

export interface CancelFrame {
  readonly type: 'cancel';
  /** The requester's. */
  readonly boot: string;
  readonly id: number;
}

export type Frame =
  | DataFrame
  | RelayFrame
  | RepairFrame
  | FetchFrame
  | DigestFrame
  | HelloFrame
  | WelcomeFrame
  | AckFrame
  | PruneFrame
  | GraftFrame
  | RequestFrame
  | ResponseFrame
  | CancelFrame;
