/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Memberlists on an in-memory network, and waiting for what they come to know. Nothing here sleeps
// for a fixed time: whoever waits looks again at every event, and now and then in between.

import assert from 'node:assert/strict';
import {
  type Address,
  type Logger,
  Memberlist,
  type MemberlistConfig,
  type MemberlistError,
  type Transport,
  localConfig,
} from '../../../src/index.js';
import { printableFields } from '../../../src/observability/printable-fields.js';
import { MemoryNetwork, type MemoryNetworkOptions } from '../../../src/testing/index.js';

const eventNames = [
  'join',
  'leave',
  'update',
  'suspect',
  'refute',
  'conflict',
  'message',
  'health',
] as const;
const lookAgainMs = 10;
const defaultDeadlineMs = 10_000;

/** As `localConfig()`, but a test does not wait for seconds. */
export const fast: MemberlistConfig = {
  ...localConfig(),
  logger: false,
  probeInterval: 150,
  probeTimeout: 75,
  gossipInterval: 10,
  retransmitMult: 4,
  tcpTimeout: 5_000,
};

/** Nothing is sent by itself: whoever waits for gossip waits for ever. */
export const mute: MemberlistConfig = {
  ...fast,
  probeInterval: 0,
  gossipInterval: 0,
  pushPullInterval: 0,
  settleAfterJoin: false,
};

/** Resolves once `holds`; rejects, with what was waited for, at the deadline. */
export function until(
  lists: Memberlist | readonly Memberlist[],
  holds: () => boolean,
  withinMs = defaultDeadlineMs,
): Promise<void> {
  const all = Array.isArray(lists) ? (lists as readonly Memberlist[]) : [lists as Memberlist];
  const late = new Error(`not within ${withinMs} ms: ${String(holds)}`);
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearInterval(poll);
      clearTimeout(deadline);
      for (const list of all) for (const name of eventNames) list.off(name, look);
    };
    const look = (): void => {
      if (!holds()) return;
      stop();
      resolve();
    };
    const poll = setInterval(look, lookAgainMs);
    const deadline = setTimeout(() => {
      stop();
      reject(late);
    }, withinMs);
    for (const list of all) for (const name of eventNames) list.on(name, look);
    look();
  });
}

/** Memberlists of one in-memory network; all are shut down at the end. */
export class Cluster implements AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly lists: Memberlist[] = [];

  constructor(options: MemoryNetworkOptions = {}) {
    this.network = new MemoryNetwork(options);
  }

  /** A node of its own, called as its transport unless the configuration says otherwise. */
  async node(
    name: string,
    { transport, ...config }: MemberlistConfig = {},
    base = fast,
  ): Promise<Memberlist> {
    const list = await Memberlist.create({
      ...base,
      name,
      ...config,
      transport: transport ?? this.network.transport(name),
    });
    list.setMaxListeners(50);
    this.lists.push(list);
    return list;
  }

  /** Nodes that have joined the first and know each other. */
  async joined(names: readonly string[], config?: MemberlistConfig): Promise<Memberlist[]> {
    const lists: Memberlist[] = [];
    for (const name of names) lists.push(await this.node(name, config));
    await meet(lists);
    return lists;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.lists.map((list) => list.shutdown()));
  }
}

/** Lets all join the first, and waits until all know all. */
export async function meet(lists: readonly Memberlist[]): Promise<void> {
  const [first, ...others] = lists;
  for (const list of others) await list.join([addressOf(first!).addr]);
  await until(lists, () => lists.every(({ numMembers }) => numMembers === lists.length));
}

export function addressOf(list: Memberlist): Address {
  return { addr: list.localNode.address };
}

export function names(list: Memberlist): string[] {
  return list
    .members()
    .map(({ name }) => name)
    .sort();
}

/** What a promise rejects with; fails when it does not. */
export async function rejection<T extends Error>(
  promise: Promise<unknown>,
  type: abstract new (...args: never[]) => T,
): Promise<T> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof type, `${String(error)} is no ${type.name}`);
    return error;
  }
  assert.fail(`it resolved; a ${type.name} was expected`);
}

/** For `assert.rejects`: an error with this code. */
export function withCode(code: MemberlistError['code']): { code: string } {
  return { code };
}

/** One line of the log. */
export interface Line {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An error as it is in the fields of a line. */
export function inFields(error: Error): unknown {
  return (printableFields({ error }) as { error: unknown }).error;
}

/** A logger that keeps its lines. */
export class Log implements Logger {
  readonly lines: Line[] = [];
  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');

  /** The lines with a code. */
  of(code: string): Line[] {
    return this.lines.filter(({ fields }) => fields.code === code);
  }

  #at(level: keyof Logger): (message: string, fields?: object) => void {
    return (message, fields) => this.lines.push({ level, message, fields: { ...fields } });
  }
}

/** Another transport, with some methods replaced. */
export function altered(transport: Transport, changes: Partial<Transport>): Transport {
  return {
    start: (handlers) => transport.start(handlers),
    finalAdvertiseAddr: (addr, port) => transport.finalAdvertiseAddr(addr, port),
    writeTo: (packet, to) => transport.writeTo(packet, to),
    dial: (to, options) => transport.dial(to, options),
    shutdown: () => transport.shutdown(),
    ...changes,
  };
}
