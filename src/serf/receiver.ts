/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a node receives of Serf's protocol: messages, and the states of push/pulls.
import { serfLimits } from './limits.js';
import { MalformedMessage } from './malformed-message.js';
import {
  decodeIntent,
  decodeState,
  decodeUserEvent,
  encodeState,
  SerfMessageType,
} from './messages.js';
import { decodeQuery, decodeResponse } from './query-messages.js';
import type { SerfNode } from './serf-node.js';

/** Receives messages and states. */
export class Receiver {
  readonly #node: SerfNode;

  constructor(node: SerfNode) {
    this.#node = node;
  }

  /** @throws MalformedMessage */
  message(message: Buffer): void {
    const node = this.#node;
    if (message.length > serfLimits.messageBytes) throw new MalformedMessage('it is too long');
    switch (message[0]) {
      case SerfMessageType.join:
        return node.intents.receive(decodeIntent('join', message), message);
      case SerfMessageType.leave:
        return node.intents.receive(decodeIntent('leave', message), message);
      case SerfMessageType.userEvent:
        if (node.events.receive(decodeUserEvent(message))) node.outgoing.event(message);
        return node.changed();
      case SerfMessageType.query:
        if (node.queries.receive(decodeQuery(message))) node.outgoing.query(message);
        return node.changed();
      case SerfMessageType.queryResponse:
        return node.running.receive(decodeResponse(message));
      case SerfMessageType.relay:
        return node.answers.forward(message);
    }
  }

  /** The state for a push/pull. */
  localState(): Buffer {
    const { clock, members, events, queries } = this.#node;
    return encodeState({
      ltime: clock.time,
      ...members.state(),
      eventLtime: events.clock.time,
      events: [...events.recent],
      queryLtime: queries.clock.time,
    });
  }

  /** @throws MalformedMessage */
  merge(bytes: Buffer, join: boolean): void {
    const { clock, events, queries, intents } = this.#node;
    const state = decodeState(bytes);
    // The times in a state are those of the next message.
    if (state.ltime > 0) clock.witness(state.ltime - 1);
    if (state.eventLtime > 0) events.clock.witness(state.eventLtime - 1);
    if (state.queryLtime > 0) queries.clock.witness(state.queryLtime - 1);
    const left = new Set(state.leftMembers);
    for (const node of left) intents.receiveLeft(node, state.statusLtimes.get(node) ?? 0);
    for (const [node, ltime] of state.statusLtimes) {
      if (!left.has(node)) intents.receive({ kind: 'join', ltime, node });
    }
    // Events from before this node's first join are not delivered.
    if (join && intents.isInFirstJoin) events.recent.ignoreBefore(state.eventLtime);
    for (const event of state.events) events.receive({ ...event, coalesce: false });
    this.#node.changed();
  }
}
