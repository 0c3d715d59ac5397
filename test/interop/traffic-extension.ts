/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An extension that sends all the time: packets, streams and gossip to its peers, and attempts at other members. Each
// message has a marker that no other bytes have, so that a capture shows where the messages go.
import { randomBytes } from 'node:crypto';
import {
  ProtocolError,
  type Extension,
  type ExtensionContext,
  type ExtensionHooks,
  type Node,
  type Peer,
} from '../../src/index.js';

/** How a message is sent. */
export const paths = ['packet', 'stream', 'gossip'] as const;
export type Path = (typeof paths)[number];

const tickMs = 25;
const gossipTicks = 3;
const streamTicks = 8;
const refusedTicks = 8;
const mostStreamBytes = 40_000;
const end = '.';

/** What all instances of one extension have in common. */
export interface TrafficKind {
  readonly name: string;
  readonly version: number;
  /** Begins each message, and is nowhere else. */
  readonly marker: string;
}

/** A kind with a marker of its own. */
export function trafficKind(name: string, version: number): TrafficKind {
  return { name, version, marker: `<${randomBytes(8).toString('hex')}>` };
}

/** One instance. */
export class TrafficExtension implements Extension {
  readonly name: string;
  readonly version: number;
  readonly marker: string;
  /** Messages that were received, by their path. */
  readonly received: Record<Path, number> = { packet: 0, stream: 0, gossip: 0 };
  /** The same for each sender, such as `'gossip from a'`. */
  readonly bySender = new Map<string, number>();
  /** Attempts to send to members without the extension. */
  refused = 0;
  /** What went wrong, one text each. */
  readonly problems: string[] = [];
  #context: ExtensionContext | undefined;
  #ticks = 0;
  #isStopped = false;

  constructor({ name, version, marker }: TrafficKind) {
    this.name = name;
    this.version = version;
    this.marker = marker;
  }

  attach(context: ExtensionContext): ExtensionHooks {
    this.#context = context;
    this.#tick(context);
    return { message: (payload, from) => this.#receive(payload.toString('latin1'), from) };
  }

  /** Sends nothing any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Paths from this peer on which nothing was received yet. */
  silentPaths(sender: string): Path[] {
    return paths.filter((path) => !this.bySender.has(`${path} from ${sender}`));
  }

  #tick(context: ExtensionContext): void {
    if (this.#isStopped) return;
    context.clock.setTimer(tickMs, () => this.#tick(context));
    const ticks = ++this.#ticks;
    const isPeer = (member: Node): boolean => member.extensions[this.name] !== undefined;
    const other = chosen(
      context,
      context.members().filter((member) => !isPeer(member)),
    );
    if (other !== undefined && ticks % refusedTicks === 0) {
      const message = this.#message('packet');
      this.#refused(context.send(other, message));
      this.#refused(context.sendReliable(other, message));
      this.#refused(context.raw.send({ addr: other.address }, message));
      this.#refused(context.raw.sendReliable({ addr: other.address }, message));
    }
    const peer = chosen(context, context.peers());
    if (peer === undefined) return;
    this.#sent('packet', context.send(peer, this.#message('packet')));
    if (ticks % gossipTicks === 0) context.broadcast(this.#message('gossip'));
    if (ticks % streamTicks === 0) {
      const bytes = Math.floor(context.random.next() * mostStreamBytes);
      this.#sent('stream', context.sendReliable(peer, this.#message('stream', bytes)));
    }
  }

  #message(path: Path, bytes = 0): Buffer {
    const sender = this.#context?.self.name ?? '';
    return Buffer.from(`${this.marker} ${path} ${sender} ${'x'.repeat(bytes)}${end}`, 'latin1');
  }

  #sent(path: Path, sending: Promise<void>): void {
    sending.catch((error: unknown) => {
      if (!this.#isStopped) this.problems.push(`a ${path} was not sent: ${String(error)}`);
    });
  }

  /** Messages to a member without the extension are not sent. */
  #refused(sending: Promise<void>): void {
    sending.then(
      () => this.problems.push('a message was sent to a member without the extension'),
      (error: unknown) => {
        if (error instanceof ProtocolError) this.refused++;
        else if (!this.#isStopped) this.problems.push(`refused otherwise: ${String(error)}`);
      },
    );
  }

  #receive(text: string, from: Peer): void {
    const [marker, word, sender] = text.split(' ', 3);
    const path = paths.find((known) => known === word);
    if (marker !== this.marker || path === undefined || !text.endsWith(end)) {
      this.problems.push(`a message that is not of ${this.name}: ${text.slice(0, 60)}`);
      return;
    }
    // Packets of a node come from no member until the receiver knows the node.
    if (from.name !== sender && (from.name !== undefined || path === 'stream')) {
      this.problems.push(`a ${path} from ${from.name} instead of ${sender}`);
    }
    this.received[path]++;
    const key = `${path} from ${sender}`;
    this.bySender.set(key, (this.bySender.get(key) ?? 0) + 1);
  }
}

function chosen(context: ExtensionContext, members: readonly Node[]): Node | undefined {
  return members[Math.floor(context.random.next() * members.length)];
}
