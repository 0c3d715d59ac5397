/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Another node claims this node's name. All members are asked which address they know for it, and the node without a
// majority shuts down. It does not leave: a leave under a contested name would mark the other node as left.
import { encodeName, type ExtensionContext, type Node } from '../index.js';
import { MalformedMessage } from './malformed-message.js';
import { decodeConflictResponse } from './query-messages.js';
import type { SerfAnswer } from './serf.js';

/** What resolving a conflict needs of the node. */
export interface NameConflictComponents {
  readonly context: Pick<ExtensionContext, 'self' | 'member' | 'log' | 'shutdown' | 'signal'>;
  /** Sends an internal query. @throws BusyError; ShutdownError */
  readonly ask: (name: string, payload: Buffer) => AsyncIterable<SerfAnswer>;
}

/** Resolves conflicts about the name of one node. */
export class NameConflict {
  readonly #node: NameConflictComponents;
  #isResolving = false;

  constructor(components: NameConflictComponents) {
    this.#node = components;
  }

  /** A name was claimed with another address. Rejects with exceptions of this library only. */
  async noticed(existing: Node, other: Node): Promise<void> {
    const { context } = this.#node;
    if (existing.name !== context.self.name || this.#isResolving) return;
    this.#isResolving = true;
    try {
      await this.#resolve(other);
    } finally {
      this.#isResolving = false;
    }
  }

  async #resolve(other: Node): Promise<void> {
    const { context, ask } = this.#node;
    const { name, address } = context.self;
    const fields = { code: 'serf-name-conflict', peer: other.address };
    context.log.warn('another node has the name of this node; the members are asked', fields);
    let votes = 0;
    let ours = 0;
    for await (const { type, from, payload } of ask('_serf_conflict', encodeName(name))) {
      // Only members vote. Without encryption anyone can forge their votes, as in Serf.
      if (type !== 'response' || context.member(from) === undefined) continue;
      const vote = voteIn(payload);
      if (vote === undefined) continue;
      votes++;
      if (vote.address === address) ours++;
    }
    if (context.signal.aborted) return;
    const result = { ...fields, votes, ours };
    if (ours >= Math.floor(votes / 2) + 1) {
      context.log.info('a majority of the members knows this node by its name', result);
      return;
    }
    context.log.error('no majority knows this node by its name; it shuts down', result);
    await context.shutdown();
  }
}

function voteIn(payload: Buffer): { address: string | undefined } | undefined {
  try {
    return { address: decodeConflictResponse(payload) };
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined;
    throw error;
  }
}
