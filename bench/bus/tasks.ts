/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The tasks of the processes that publish and subscribe. Requests and answers are lines of JSON, as for the two sides.

/** A system that carries messages from one publisher to all subscribers. */
export type SystemName = 'ours' | 'Redis' | 'NATS' | 'floor';

export type Role = 'publisher' | 'subscriber';

/** Where the processes of a run find each other. */
export interface ConnectTask {
  readonly system: SystemName;
  readonly role: Role;
  /** `'ip:port'` of this process. */
  readonly address: string;
  /** `'ip:port'` of all processes, the publisher first. */
  readonly all: readonly string[];
  /** `'ip:port'` of the server, for a system that has one. */
  readonly server: string | undefined;
}

export interface PacedTask {
  readonly series: number;
  readonly count: number;
  readonly perSecond: number;
}

export interface SaturateTask {
  readonly series: number;
  /** How many messages may be on their way to the slowest subscriber. */
  readonly window: number;
  /** Time before the measurement, and of the measurement. */
  readonly rampMs: number;
  readonly measureMs: number;
  /** Whether lost messages are normal. */
  readonly lossy: boolean;
}

export interface ExpectTask {
  readonly series: number;
  /** `'ip:port'` of the publisher's socket for reports of progress; undefined: no reports. */
  readonly reportTo: string | undefined;
}

export interface Paced {
  /** How late the messages were published, in milliseconds. */
  readonly lateness: { readonly median: number; readonly p99: number };
  /** How often `publish` rejected because its queue was full, and was called again. */
  readonly rejected: number;
}

export interface Saturated {
  /** The messages that every subscriber received in the time of measurement. */
  readonly received: number;
  readonly measuredMs: number;
  readonly published: number;
  readonly rejected: number;
  /** The processor time of the publisher in the time of measurement, and when it began and ended by its clock. */
  readonly cpuNs: number;
}

export interface Received {
  /** Different messages of the series. */
  readonly count: number;
  readonly duplicates: number;
  /** Messages that came after one that was published later. */
  readonly outOfOrder: number;
  /** What the system itself reports about lost messages. */
  readonly problem?: string | undefined;
}

export interface Latencies extends Received {
  /** Base64 of a Float64Array: milliseconds from the publish call to the handler, by number; NaN: not received. */
  readonly ms: string;
}

/** Every task, and its result. */
export interface BusTasks {
  connect(task: ConnectTask): object;
  /** Resolves when messages reach, or come from, all other processes. */
  ready(task: object): object;
  /** Subscribers only: forgets all messages, and records those of one series from now on. */
  expect(task: ExpectTask): object;
  received(task: object): Received;
  latencies(task: { readonly count: number }): Latencies;
  /** Publisher only: opens the socket for reports of progress, and returns its `'ip:port'`. */
  openReports(task: object): { readonly address: string };
  paced(task: PacedTask): Paced;
  saturate(task: SaturateTask): Saturated;
  cpu(task: object): { readonly cpuNs: number };
}

export type BusTaskName = keyof BusTasks;

/** The implementations of all tasks. */
export type BusHandlers = {
  readonly [Name in BusTaskName]: (
    task: Parameters<BusTasks[Name]>[0],
  ) => ReturnType<BusTasks[Name]> | Promise<ReturnType<BusTasks[Name]>>;
};
