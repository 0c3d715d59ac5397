/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's own queries, which agents ask each other. The application neither receives nor sends them.
import { decodeName } from '../index.js';
import type { Answers } from './answers.js';
import { encodeKeyList, type KeyCommands } from './key-commands.js';
import { serfLimits } from './limits.js';
import type { Members, SerfStatus } from './members.js';
import type { SerfMetrics } from './metrics.js';
import { encodeConflictResponse, encodeKeyResponse, type Query } from './query-messages.js';
import { decodeSerfTags } from './tags.js';

const statusNumbers: Readonly<Record<SerfStatus, number>> = {
  alive: 1,
  leaving: 2,
  left: 3,
  failed: 4,
};

/** What internal queries need of the node. */
export interface InternalQueryComponents {
  readonly answers: Answers;
  readonly members: Members;
  readonly keys: KeyCommands;
  readonly metrics: SerfMetrics;
  /** This node's name. */
  readonly self: string;
  readonly isDown: () => boolean;
}

/** Answers internal queries. */
export class InternalQueries {
  readonly #node: InternalQueryComponents;

  constructor(components: InternalQueryComponents) {
    this.#node = components;
  }

  /** Answers a query; one that is unknown is ignored. */
  answer(query: Query): void {
    const { keys } = this.#node;
    switch (query.name) {
      // The ack is the answer.
      case '_serf_ping':
        return;
      case '_serf_conflict':
        return this.#vote(query);
      case '_serf_list-keys':
        return this.#listKeys(query);
      case '_serf_install-key':
      case '_serf_use-key':
      case '_serf_remove-key': {
        const command = query.name.slice('_serf_'.length) as
          'install-key' | 'use-key' | 'remove-key';
        // Never rejects.
        void keys.change(command, query.payload).then((response) => {
          if (!this.#node.isDown()) this.#respond(query, encodeKeyResponse(response));
        });
      }
    }
  }

  // An agent whose name another node claims asks all members which address the name has, and shuts down unless a majority
  // of the responses has its own.
  #vote(query: Query): void {
    const disputed = decodeName(query.payload);
    if (disputed === this.#node.self) return;
    const member = this.#node.members.get(disputed);
    const vote =
      member &&
      ({
        ...member.node,
        tags: decodeSerfTags(member.node.meta) ?? {},
        status: statusNumbers[member.status],
      } as const);
    this.#respond(query, encodeConflictResponse(vote));
  }

  #listKeys(query: Query): void {
    const { answers, keys } = this.#node;
    const fits = (payload: Buffer): boolean =>
      answers.sizeOf(query, payload) <= serfLimits.queryMessageBytes;
    const payload = encodeKeyList(keys.list(), fits);
    if (payload !== undefined) this.#respond(query, payload);
  }

  #respond(query: Query, payload: Buffer): void {
    const size = this.#node.answers.respond(query, payload);
    if (size !== undefined) this.#node.metrics.answersDropped.inc();
  }
}
