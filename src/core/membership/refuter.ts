/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Overrides false claims of other nodes about this one (SWIM, section 4.2; Lifeguard, section IV-A).
import { MessageType } from '../../wire/message-type.js';
import type { CoreContext } from '../context.js';
import type { ClaimGossip } from '../gossip/claim-gossip.js';
import type { LocalHealth } from '../lifeguard/local-health.js';
import type { LocalNode } from '../local-node.js';
import type { MemberTable } from '../member-table.js';

/** Refutes claims about this node. */
export class Refuter {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  readonly #gossip: ClaimGossip;
  readonly #health: LocalHealth;

  constructor(components: {
    context: CoreContext;
    self: LocalNode;
    table: MemberTable;
    gossip: ClaimGossip;
    health: LocalHealth;
  }) {
    this.#context = components.context;
    this.#self = components.self;
    this.#table = components.table;
    this.#gossip = components.gossip;
    this.#health = components.health;
  }

  /**
   * Announces that we are alive, under an incarnation above the claimed one, and raises the health score.
   *
   * @param accusation - what was claimed, for the log; without it, an alive claim from an earlier run of this node is
   *   refuted
   */
  refute(claimed: number, accusation?: string): void {
    const { effects, counters } = this.#context;
    const member = this.#table.get(this.#self.name);
    if (member === undefined) return;
    const incarnation = this.#self.incarnationAbove(claimed);
    member.setIncarnation(incarnation);
    const { name: node, addr, port, meta, vsn } = member;
    this.#gossip.queueClaim(node, {
      type: MessageType.alive,
      node,
      addr,
      port,
      meta,
      vsn,
      incarnation,
    });
    counters.refutations++;
    const accused = accusation !== undefined;
    const claim = accusation ?? 'an alive claim from an earlier run of this node';
    effects.report({ code: 'refuted', peer: node, claim, accused, incarnation });
    this.#health.add(1);
  }
}
