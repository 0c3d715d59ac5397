/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The tasks of the two sides and their results. Each side is a process; requests and answers are lines of JSON.
// bench/go uses the same names.

import type { MessageKind } from './members.js';

/** The total time of a piece of work. */
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

/** The minimum duration. */
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
  /** The content to compress, or the compressed bytes. */
  readonly file: string;
}

export interface PacketsTask extends Layers, AtLeast {
  /** A push/pull request that adds the members, and one that only requests the table. */
  readonly load: string;
  readonly ask: string;
  /** Received packets, each after its length (4 bytes). */
  readonly packets: string;
  /** The number of packets before the ones that are timed. */
  readonly untimed: number;
  /**
   * Push/pull requests with as many updates as the first one each, so that there is as much to send again. The last
   * three of them are timed.
   */
  readonly again: readonly string[];
  readonly alivesPerPacket: number;
  /** How many packets are received before the benchmark waits for their messages. */
  readonly burst: number;
}

export interface CryptoFloorTask extends AtLeast {
  /** The content of the packet that is decrypted. */
  readonly openBytes: number;
  /** The content of a packet that is then encrypted; 0: none. */
  readonly sealBytes: number;
}

export interface RingTask extends AtLeast {
  readonly members: number;
  /** Whether each member has a weight of its own; else all have the same. */
  readonly weighted: boolean;
}

export interface PushPullTask extends Layers, AtLeast {
  /** The request that adds the members, the one before the timed ones, and the timed one. */
  readonly load: string;
  readonly before: string;
  readonly request: string;
  /** Whether the timed request contains updates: each one then needs a new node. */
  readonly fresh: boolean;
}

export interface MemoryTask {
  readonly load: string;
  /** A ping. */
  readonly packets: string;
  readonly members: number;
}

export interface StartTask {
  /** `'ip:port'` of each node; its name too. */
  readonly addresses: readonly string[];
  /** Ours only: whether state is exchanged more often after a join, as by default. */
  readonly settle: boolean;
}

export interface JoinTask {
  /** The maximum time until every node knows all others. */
  readonly capMs: number;
}

export interface GatherTask {
  /** `'ip:port'` of the node to join. */
  readonly seed: string;
}

export interface KillTask {
  /** The index in the list of remaining nodes. */
  readonly index: number;
  /** The maximum time until all nodes are notified. */
  readonly capMs: number;
}

export interface FloorTask {
  readonly addresses: readonly string[];
  /** Per socket, including answers. */
  readonly packetsPerSecond: number;
  readonly packetBytes: number;
}

export interface GrowthTask {
  readonly nodes: number;
  /** Virtual milliseconds: before the first window, and of each window. */
  readonly quietMs: number;
  readonly windowMs: number;
  readonly windows: number;
}

export interface Joined {
  readonly ms: number;
  readonly cpuMs: number;
  /** Whether every node knew all others before the timeout. */
  readonly complete: boolean;
}

export interface Known {
  /** Until the first and the last of the other nodes was notified. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly complete: boolean;
}

/** What a process has used and sent since it started. */
export interface Usage {
  readonly cpuNs: number;
  /** The time of the sample, from an arbitrary origin. */
  readonly atNs: number;
  readonly packets: number;
  readonly packetBytes: number;
  /** In both directions of the streams that were opened there. */
  readonly streamBytes: number;
}

export interface Heap {
  readonly bytes: number;
  /** The peak of the process. */
  readonly peakKiB: number;
}

/** SHA-256 of the concatenated output. */
interface Digested {
  readonly digest: string;
}

export interface DecodeResult extends Timed {
  /** The sum of the numbers and lengths that were read. */
  readonly sum: number;
}

export interface LzwResult extends Timed, Digested {
  readonly bytes: number;
}

export interface PacketsResult extends Timed {
  /** In one pass: packets, and messages in them. */
  readonly packets: number;
  readonly messages: number;
  /** The sum of all members' final incarnations. */
  readonly incarnations: number;
}

export interface PushPullResult extends Timed {
  readonly answerBytes: number;
  readonly records: number;
  readonly incarnations: number;
}

/** Every task, and its result. */
export interface Tasks {
  encode(task: EncodeTask): Timed & Digested;
  decode(task: DecodeTask): DecodeResult;
  compress(task: LzwTask): LzwResult;
  decompress(task: LzwTask): LzwResult;
  packetsIn(task: PacketsTask): PacketsResult;
  packetsOut(task: PacketsTask): PacketsResult;
  pushPull(task: PushPullTask): PushPullResult;
  /** Ours only: the longest turn of the event loop in some exchanges, in milliseconds. */
  turns(task: PushPullTask): { readonly longestMs: number };
  memory(task: MemoryTask): { readonly bytes: number };
  start(task: StartTask): object;
  joinAll(task: JoinTask): Joined;
  gather(task: GatherTask): { readonly least: number };
  usage(task: object): Usage;
  heap(task: object): Heap;
  kill(task: KillTask): Known;
  stop(task: object): object;
  /** Ours only. */
  startFloor(task: FloorTask): object;
  floorUsage(task: object): Usage;
  stopFloor(task: object): object;
  cryptoFloor(task: CryptoFloorTask): Timed;
  growth(task: GrowthTask): { readonly microseconds: readonly number[] };
  ring(task: RingTask): Timed;
}

export type TaskName = keyof Tasks;

/** The implementations of all tasks. */
export type TaskHandlers = {
  readonly [Name in TaskName]: (
    task: Parameters<Tasks[Name]>[0],
  ) => ReturnType<Tasks[Name]> | Promise<ReturnType<Tasks[Name]>>;
};
