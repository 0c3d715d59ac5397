/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Acks and responses of this node, and those of others that are relayed through it (Serf's RelayFactor), in case the
// direct path loses packets. Serf picks relays by the protocol version of memberlist, so a member cannot opt out.
import type { Address, Clock, Node, Random } from '../index.js';
import { serfLimits } from './limits.js';
import { MalformedMessage } from './malformed-message.js';
import type { Members } from './members.js';
import { SerfMessageType } from './messages.js';
import type { SerfMetrics } from './metrics.js';
import {
  decodeRelay,
  encodeRelay,
  encodeResponse,
  type Query,
  type QueryResponse,
} from './query-messages.js';
import { RateWindow } from './rate-window.js';

/** The version of memberlist's protocol from which on Serf expects a member to relay. */
const RELAY_PROTOCOL = 5;

/** What answering needs of the node. */
export interface AnswerComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: SerfMetrics;
  readonly members: Members;
  readonly self: () => Node;
  /** Sends a packet; failures are ignored. */
  readonly send: (to: Address, message: Buffer) => void;
  /** Receives an answer to a query of this node. */
  readonly receive: (response: QueryResponse) => void;
}

/** Sends the answers of one node. */
export class Answers {
  readonly #node: AnswerComponents;
  readonly #own: RateWindow;
  readonly #relayed: RateWindow;

  constructor(components: AnswerComponents) {
    this.#node = components;
    this.#own = new RateWindow(components.clock, serfLimits.answersPerSecond);
    this.#relayed = new RateWindow(components.clock, serfLimits.relaysPerSecond);
  }

  /** Acknowledges a query. */
  ack(query: Query): void {
    this.#answer(query, { isAck: true, payload: Buffer.alloc(0) });
  }

  /**
   * Responds to a query.
   *
   * @returns how many bytes the response has, when that is too much; undefined when it was sent
   */
  respond(query: Query, payload: Buffer): number | undefined {
    return this.#answer(query, { isAck: false, payload });
  }

  /** The size of a response, in bytes. */
  sizeOf(query: Query, payload: Buffer): number {
    return encodeResponse(this.#response(query, { isAck: false, payload })).length;
  }

  /**
   * Forwards the content of a relay message. Only query responses are relayed, so nothing else is forwarded.
   *
   * @throws MalformedMessage for what is no relay message
   */
  forward(message: Buffer): void {
    const { metrics, send } = this.#node;
    if (message.length > serfLimits.relayBytes || !this.#relayed.take()) {
      metrics.relaysDropped.inc();
      return;
    }
    const { to, payload } = decodeRelay(message);
    if (payload[0] !== SerfMessageType.queryResponse) {
      metrics.relaysDropped.inc();
      throw new MalformedMessage(`a relay of a message of type ${payload[0] ?? 'none'}`);
    }
    send(to, payload);
  }

  #answer(query: Query, answer: Pick<QueryResponse, 'isAck' | 'payload'>): number | undefined {
    const { metrics, self, receive, send } = this.#node;
    const response = this.#response(query, answer);
    const message = encodeResponse(response);
    if (message.length > serfLimits.queryMessageBytes) return message.length;
    if (query.origin === undefined || !this.#own.take()) {
      metrics.answersDropped.inc();
      return undefined;
    }
    if (query.origin.addr === self().address) {
      receive(response);
      return undefined;
    }
    send(query.origin, message);
    this.#relay(query, query.origin, message);
    return undefined;
  }

  #response(query: Query, answer: Pick<QueryResponse, 'isAck' | 'payload'>): QueryResponse {
    return { ltime: query.ltime, id: query.id, from: this.#node.self().name, ...answer };
  }

  #relay(query: Query, to: Address, payload: Buffer): void {
    const { relayFactor } = query;
    const { metrics, members, send } = this.#node;
    if (relayFactor === 0 || members.size < relayFactor + 1) return;
    const message = encodeRelay({ to, payload });
    if (message.length > serfLimits.relayBytes) return metrics.relaysDropped.inc();
    for (const { address, name } of this.#relays(relayFactor)) {
      if (!this.#relayed.take()) return metrics.relaysDropped.inc();
      send({ addr: address, name }, message);
    }
  }

  /** Random members that can relay. */
  #relays(count: number): Node[] {
    const { members, self, random } = this.#node;
    const { name: ownName } = self();
    const nodes: Node[] = [];
    for (const { name, status, node } of members) {
      const canRelay = status === 'alive' && node.protocol.max >= RELAY_PROTOCOL;
      if (canRelay && name !== ownName) nodes.push(node);
    }
    const most = Math.min(count, nodes.length);
    for (let i = 0; i < most; i++) {
      const other = i + Math.floor(random.next() * (nodes.length - i));
      [nodes[i], nodes[other]] = [nodes[other] as Node, nodes[i] as Node];
    }
    return nodes.slice(0, most);
  }
}
