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
  /** Packets that come in, each behind its length (4 bytes). */
  readonly packets: string;
  /** So many of them come before those that are timed. */
  readonly untimed: number;
  /**
   * Push/pull requests with as much news as the first each, so that there is as much to send again. The last three
   * of them are timed.
   */
  readonly again: readonly string[];
  readonly alivesPerPacket: number;
  /** How many packets are put in before their messages are waited for. */
  readonly burst: number;
}

export interface CryptoFloorTask extends AtLeast {
  /** Of the content of a packet that is opened. */
  readonly openBytes: number;
  /** Of the content of one that is sealed then; 0: none is. */
  readonly sealBytes: number;
}

export interface PushPullTask extends Layers, AtLeast {
  /** The request that makes the members known, the one before those that are timed, and the one that is. */
  readonly load: string;
  readonly before: string;
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

export interface StartTask {
  /** `'ip:port'` of each node; its name too. */
  readonly addresses: readonly string[];
  /** Ours alone: whether state is exchanged more often after a join, as it is by default. */
  readonly settle: boolean;
}

export interface JoinTask {
  /** How long to wait until all know all, at most. */
  readonly capMs: number;
}

export interface GatherTask {
  /** `'ip:port'` of whom to join. */
  readonly seed: string;
}

export interface KillTask {
  /** Which of the nodes that are left. */
  readonly index: number;
  /** How long to wait until all know, at most. */
  readonly capMs: number;
}

export interface FloorTask {
  readonly addresses: readonly string[];
  /** By each socket, answers included. */
  readonly packetsPerSecond: number;
  readonly packetBytes: number;
}

export interface GrowthTask {
  readonly nodes: number;
  /** Virtual milliseconds: before the first window, and of each. */
  readonly quietMs: number;
  readonly windowMs: number;
  readonly windows: number;
}

export interface Joined {
  readonly ms: number;
  readonly cpuMs: number;
  /** Whether all knew all before the time was up. */
  readonly complete: boolean;
}

export interface Known {
  /** Until the first of the others knew, and the last. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly complete: boolean;
}

/** What a process has used and sent since it began. */
export interface Usage {
  readonly cpuNs: number;
  /** When this was; from any beginning. */
  readonly atNs: number;
  readonly packets: number;
  readonly packetBytes: number;
  /** Of the streams that were opened there, both ways. */
  readonly streamBytes: number;
}

export interface Heap {
  readonly bytes: number;
  /** The most that the process ever had. */
  readonly peakKiB: number;
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
  start(task: StartTask): object;
  joinAll(task: JoinTask): Joined;
  gather(task: GatherTask): { readonly least: number };
  usage(task: object): Usage;
  heap(task: object): Heap;
  kill(task: KillTask): Known;
  stop(task: object): object;
  /** Ours alone. */
  startFloor(task: FloorTask): object;
  floorUsage(task: object): Usage;
  stopFloor(task: object): object;
  cryptoFloor(task: CryptoFloorTask): Timed;
  growth(task: GrowthTask): { readonly microseconds: readonly number[] };
}

export type TaskName = keyof Tasks;

/** Both sides' work, as it is done. */
export type Doing = {
  readonly [Name in TaskName]: (
    task: Parameters<Tasks[Name]>[0],
  ) => ReturnType<Tasks[Name]> | Promise<ReturnType<Tasks[Name]>>;
};
