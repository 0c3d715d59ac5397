/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the two sides are asked and what they answer. Each is a process of its own; questions and answers
// are lines of JSON. bench/go has the same names.

import type { MessageKind } from './members.js';

/** What a piece of work took, in all. */
export interface Timed {
  readonly wallNs: number;
  readonly cpuNs: number;
  readonly operations: number;
}

/** How packets and streams are wrapped. */
export interface Layers {
  readonly compress: boolean;
  /** Base64; empty: no encryption. */
  readonly key: string;
}

/** How long to go on, at least. */
interface AtLeast {
  readonly minMs: number;
}

export interface EncodeTask extends AtLeast {
  readonly kind: MessageKind;
  readonly count: number;
}

export interface DecodeTask extends AtLeast {
  readonly kind: MessageKind;
  /** Base64. */
  readonly messages: readonly string[];
}

export interface LzwTask extends AtLeast {
  /** What is compressed, or the compressed bytes. */
  readonly file: string;
}

export interface PacketsTask extends Layers, AtLeast {
  /** A push/pull request that makes the members known, and one that asks for the table only. */
  readonly load: string;
  readonly ask: string;
  /** Packets that come in, each behind its length (4 bytes): what is timed. */
  readonly packets: string;
  readonly alivesPerPacket: number;
  /** How many packets are put in before their messages are waited for. */
  readonly burst: number;
}

export interface PushPullTask extends Layers, AtLeast {
  /** The request that makes the members known, and the one that is timed. */
  readonly load: string;
  readonly request: string;
  /** Whether the timed request brings news: each one then needs a node of its own. */
  readonly fresh: boolean;
}

export interface MemoryTask {
  readonly load: string;
  /** A ping. */
  readonly packets: string;
  readonly members: number;
}

/** SHA-256 of all that came out, one after the other. */
interface Digested {
  readonly digest: string;
}

export interface DecodeResult extends Timed {
  /** Numbers and lengths of what was read, added up. */
  readonly sum: number;
}

export interface LzwResult extends Timed, Digested {
  readonly bytes: number;
}

export interface PacketsResult extends Timed {
  /** Of one pass: packets, and messages in them. */
  readonly packets: number;
  readonly messages: number;
  /** All members' incarnations in the end, added up. */
  readonly incarnations: number;
}

export interface PushPullResult extends Timed {
  readonly answerBytes: number;
  readonly records: number;
  readonly incarnations: number;
}

/** Every task, and what comes of it. */
export interface Tasks {
  encode(task: EncodeTask): Timed & Digested;
  decode(task: DecodeTask): DecodeResult;
  compress(task: LzwTask): LzwResult;
  decompress(task: LzwTask): LzwResult;
  packetsIn(task: PacketsTask): PacketsResult;
  packetsOut(task: PacketsTask): PacketsResult;
  pushPull(task: PushPullTask): PushPullResult;
  /** Ours alone: the longest turn of the event loop in each of some exchanges, milliseconds. */
  turns(task: PushPullTask): { readonly longestMs: number };
  memory(task: MemoryTask): { readonly bytes: number };
}

export type TaskName = keyof Tasks;

/** Both sides' work, as it is done. */
export type Doing = {
  readonly [Name in TaskName]: (
    task: Parameters<Tasks[Name]>[0],
  ) => ReturnType<Tasks[Name]> | Promise<ReturnType<Tasks[Name]>>;
};
