/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Asks a Serf cluster without being a member of it: one node executes what an agent's own command would. Messages go to
// one node over a stream, and the cluster passes them on; answers come back in packets.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Node } from '../core/member.js';
import { decodeCoordinate } from '../serf/coordinates.js';
import { MalformedMessage } from '../serf/malformed-message.js';
import { decodeState, encodeUserEvent, type SerfState } from '../serf/messages.js';
import { decodeResponse, encodeQuery, type Query } from '../serf/query-messages.js';
import { RunningQuery } from '../serf/running-queries.js';
import { decodeSerfTags, type SerfStatus, type SerfTags } from '../serf/index.js';
import type { Coordinate } from '../serf/vivaldi.js';
import { joinHostPort, type Address } from '../wire/address.js';
import { hostOf } from '../wire/source.js';
import { textOf, type Values } from './command.js';
import { TemporaryNode } from './temporary-node.js';

const GOSSIP_MS = 200;
const RESPONSE_TYPE = 5;
const MAX_ID = 2 ** 31;

/** A member as the command line shows it. */
export interface ShownMember {
  readonly name: string;
  /** Empty when the node knows no address any more. */
  readonly address: string;
  readonly status: SerfStatus;
  readonly tags: SerfTags;
}

/** A query before it is sent. */
export type ClientQuery = Pick<
  Query,
  'name' | 'payload' | 'filters' | 'wantsAck' | 'relayFactor'
> & {
  /** Undefined for Serf's default. */
  readonly timeoutMs: number | undefined;
};

/** A connection to one node of a Serf cluster. */
export class SerfClient {
  readonly #node: TemporaryNode;
  readonly #to: Address;
  readonly #bind: string | undefined;
  #nodes: readonly Node[] = [];
  #state: SerfState | undefined;

  private constructor(node: TemporaryNode, to: Address, bind: string | undefined) {
    this.#node = node;
    this.#to = to;
    this.#bind = bind;
  }

  /**
   * Reads the state of a node.
   *
   * @param moreKeys - keys that can open what members send, in addition to those of the options
   *
   * @throws UsageError; ProtocolError, TimeoutError; Error when it is no member of a Serf cluster
   */
  static async open(
    to: Address,
    values: Values,
    timeoutMs: number,
    moreKeys: readonly Buffer[] = [],
  ): Promise<SerfClient> {
    const node = await TemporaryNode.open(to, values, timeoutMs, moreKeys);
    const client = new SerfClient(node, to, textOf(values, 'bind'));
    try {
      const { nodes, userState } = await node.table(to);
      client.#nodes = nodes;
      client.#state = decodeState(userState);
      return client;
    } catch (error) {
      await node.close();
      if (!(error instanceof MalformedMessage)) throw error;
      throw new Error(`${to.addr} is no member of a Serf cluster: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** All members, by name. */
  get members(): ShownMember[] {
    const left = new Set(this.#serf.leftMembers);
    const shown = this.#nodes.map(({ name, address, state, meta }): ShownMember => {
      const isGone = state === 'dead' || state === 'left';
      const status = !isGone ? 'alive' : left.has(name) ? 'left' : 'failed';
      return { name, address, status, tags: decodeSerfTags(meta) ?? {} };
    });
    // memberlist forgets those that are gone long before Serf does.
    const known = new Set(shown.map(({ name }) => name));
    for (const name of left) {
      if (!known.has(name)) shown.push({ name, address: '', status: 'left', tags: {} });
    }
    return shown.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The names of the living members. */
  get living(): string[] {
    return this.members.filter(({ status }) => status === 'alive').map(({ name }) => name);
  }

  /** Sends a user event. @throws ProtocolError, TimeoutError */
  async sendEvent(name: string, payload: Buffer, coalesce: boolean): Promise<void> {
    const event = { ltime: this.#serf.eventLtime, name, payload, coalesce };
    await this.#node.sendMessage(this.#to, encodeUserEvent(event));
  }

  /** Sends a query. @throws ProtocolError, TimeoutError; Error when no address leads to the node */
  async query({ timeoutMs = this.#defaultTimeout, ...query }: ClientQuery): Promise<RunningQuery> {
    const id = Math.floor(Math.random() * MAX_ID);
    const from = `node-memberlist-${id.toString(36)}`;
    const ltime = this.#serf.queryLtime;
    const origin = { addr: joinHostPort(await this.#ownIp(), this.#node.port), name: from };
    const message = encodeQuery({ ...query, ltime, id, from, origin, timeoutMs, isPrivate: false });
    const answers = new RunningQuery({
      ...{ id, members: this.#nodes.length },
      ended: () => clearTimeout(timer),
    });
    const timer = setTimeout(() => answers.end(), timeoutMs);
    this.#node.userMessage = (bytes) => receive(answers, bytes, ltime);
    try {
      await this.#node.sendMessage(this.#to, message);
    } catch (error) {
      answers.end();
      throw error;
    }
    return answers;
  }

  /** A member's coordinate, of the ack of a ping. @throws Error when there is none */
  async coordinate(name: string, timeoutMs: number): Promise<Coordinate> {
    const member = this.members.find((each) => each.name === name);
    if (member === undefined || member.address === '') throw new Error(`unknown member '${name}'`);
    const answer = await this.#node.ping({ addr: member.address, name }, timeoutMs);
    if ('failure' in answer) throw new Error(`${name} at ${member.address}: ${answer.failure}`);
    try {
      if (answer.payload.length > 0) return decodeCoordinate(answer.payload);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
    }
    throw new Error(`${name} has no coordinate`);
  }

  /** The name of the node that this is connected to, if the table says it. */
  get nodeName(): string | undefined {
    return this.#nodes.find(({ address }) => address === this.#to.addr)?.name;
  }

  close(): Promise<void> {
    return this.#node.close();
  }

  get #serf(): SerfState {
    if (this.#state === undefined) throw new Error('it is not open');
    return this.#state;
  }

  get #defaultTimeout(): number {
    return GOSSIP_MS * 16 * Math.ceil(Math.log10(this.living.length + 1));
  }

  /** The address that packets to the node have. */
  async #ownIp(): Promise<string> {
    if (this.#bind !== undefined) return this.#bind;
    const host = hostOf(this.#to.addr);
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    try {
      socket.connect(1, host);
      await once(socket, 'connect');
      return socket.address().address;
    } finally {
      socket.close();
    }
  }
}

function receive(answers: RunningQuery, bytes: Buffer, ltime: number): void {
  if (bytes[0] !== RESPONSE_TYPE) return;
  try {
    const response = decodeResponse(bytes);
    if (response.ltime === ltime) answers.receive(response);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
  }
}
