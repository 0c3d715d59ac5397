/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The parts of the bus on one running node, and the way of each frame to them.
import type { ExtensionContext, Peer } from '../index.js';
import { Answers } from './answers.js';
import { Attachments } from './attachments.js';
import type { BusNode } from './bus-node.js';
import type { BusGap } from './bus.js';
import { Confirmations } from './confirmations.js';
import { Digests } from './digests.js';
import { decodeFrame } from './decode.js';
import type { DigestEntry, Frame } from './frames.js';
import { Incoming } from './incoming.js';
import { Link } from './link.js';
import { MalformedFrame } from './malformed-frame.js';
import { BusMeters } from './meters.js';
import type { ResolvedBusOptions } from './options.js';
import { Outgoing } from './outgoing.js';
import { Overlay } from './overlay.js';
import { BusPeers } from './peers.js';
import { Publishers } from './publishers.js';
import type { BusRecord } from './records.js';
import { Repair } from './repair.js';
import { Requests } from './requests.js';
import { Responder, type Handlers } from './responder.js';
import type { Origin } from './subscriptions.js';
import { Welcomes } from './welcomes.js';

/** The longest wait for other members to receive the last messages before a leave, in milliseconds. */
const GOODBYE_MS = 2_000;
/** Milliseconds between checks for retained messages that are too old. */
const TRIM_MS = 5_000;

/** What the application receives. */
export interface BusSink {
  deliver(origin: Origin, record: BusRecord, isOwn: boolean): void;
  gap(gap: BusGap): void;
}

/** The bus of one running node. */
export class BusCore {
  readonly node: BusNode;
  readonly outgoing: Outgoing;
  readonly confirmations: Confirmations;
  readonly requests: Requests;
  readonly publishers: Publishers;
  readonly overlay: Overlay;
  readonly #digests: Digests;
  readonly #attachments: Attachments;
  readonly #repair: Repair;
  readonly #answers: Answers;
  readonly #welcomes: Welcomes;
  readonly #incoming: Incoming;
  readonly #responder: Responder;
  #isLeaving = false;
  #isTrimming = false;

  constructor(
    context: ExtensionContext,
    parts: { options: ResolvedBusOptions; handlers: Handlers; sink: BusSink },
  ) {
    const { options, handlers, sink } = parts;
    this.node = this.#createNode(context, options);
    const { node } = this;
    this.publishers = new Publishers(node, {
      deliver: (stream, record) => this.#incoming.delivered(stream, record, sink),
      gap: (gap) => sink.gap(gap),
      ended: (stream) => {
        this.#digests.wake();
        this.#repair.check(stream);
      },
      dropped: (stream) => this.#repair.forget(stream),
    });
    this.#digests = new Digests(node, {
      own: () => this.#ownEntry(),
      others: () => this.#otherEntries(),
      isRetaining: () => this.#isRetaining(),
    });
    this.overlay = new Overlay(node, (names, entries, isOffer) =>
      this.#digests.send(names, entries, { isReply: false, isOffer }),
    );
    this.#repair = new Repair(node, this.publishers);
    this.confirmations = new Confirmations(node, (names) => this.#digests.ask(names));
    this.outgoing = new Outgoing(node, this.publishers.retained(), {
      deliver: (record) => sink.deliver({ publisher: node.name, boot: node.boot }, record, true),
      neighbors: () => (this.overlay.isActive ? this.overlay.eager() : undefined),
      announce: () => this.#offerOwn(true),
      sent: () => this.#sent(),
    });
    this.#attachments = new Attachments(node, this.publishers, (stream) => {
      this.#incoming.attached(stream);
    });
    this.#incoming = new Incoming(node, {
      publishers: this.publishers,
      attachments: this.#attachments,
      repair: this.#repair,
      overlay: this.overlay,
      digests: this.#digests,
      ownEntry: () => this.#ownEntry(),
    });
    this.#answers = new Answers(node, (publisher, boot) => this.#source(publisher, boot));
    this.#welcomes = new Welcomes(node, this.outgoing);
    this.requests = new Requests(node);
    this.#responder = new Responder(node, handlers);
  }

  /** Whether the node leaves or has left. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Receives a frame. Invalid frames are counted and dropped. */
  receive(payload: Buffer, { name, address }: Peer): void {
    const { context, meters, peers } = this.node;
    if (name === undefined || !peers.has(name)) return meters.drop('not-a-peer');
    try {
      const frame = decodeFrame(payload);
      if (frame === undefined) meters.drop('unknown-frame');
      else this.#route(name, frame, payload.length);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      context.drop(name === '' ? address : name, error.message);
    }
  }

  /** Tells all members the number of the last message, and waits until they have received everything. */
  async leaving(signal: AbortSignal): Promise<void> {
    this.#isLeaving = true;
    await this.outgoing.flushed();
    const { high } = this.outgoing;
    const { peers } = this.node;
    if (high === 0 || peers.size === 0 || signal.aborted) return;
    this.#digests.ask(peers.names);
    await this.confirmations.wait(high, peers.names, GOODBYE_MS);
  }

  resumed(): void {
    this.#isLeaving = false;
  }

  /** The node is about to shut down. */
  stopping(): void {
    this.outgoing.flush();
  }

  stop(): void {
    this.outgoing.stop();
    this.confirmations.stop();
    this.requests.stop();
    this.#responder.stop();
  }

  #createNode(context: ExtensionContext, options: ResolvedBusOptions): BusNode {
    const peers = new BusPeers(context, options.name, {
      joined: (name) => this.#peerJoined(name),
      left: (name, reason) => this.#peerLeft(name, reason),
    });
    const meters = new BusMeters(context.metrics, {
      queuedMessages: () => this.outgoing.queuedMessages,
      queuedBytes: () => this.outgoing.queuedBytes,
      retainedBytes: () => this.publishers.retainedBytes,
      publishers: () => this.publishers.size,
    });
    const bytes = Array.from({ length: 8 }, () => Math.floor(context.random.next() * 256));
    const boot = Buffer.from(bytes).toString('hex');
    const startedAt = context.clock.now();
    const { name } = context.self;
    return { context, options, name, boot, startedAt, peers, link: new Link(context), meters };
  }

  #route(from: string, frame: Frame, bytes: number): void {
    switch (frame.type) {
      case 'data':
        return this.#incoming.data(from, frame, bytes);
      case 'relay':
        return this.#incoming.relay(from, frame, bytes);
      case 'repair':
        return this.#incoming.repair(from, frame, bytes);
      case 'digest':
        return this.#incoming.digest(from, frame);
      case 'fetch':
        return this.#answers.answer(from, frame);
      case 'hello':
        this.#digests.heard(from);
        return this.#welcomes.answer(from, frame);
      case 'welcome':
        return this.#attachments.welcome(from, frame);
      case 'ack':
        if (frame.boot !== this.node.boot) return this.node.meters.drop('unexpected');
        this.#digests.heard(from);
        this.outgoing.window.acknowledged(from, frame.through);
        return this.confirmations.acknowledged(from, frame);
      case 'prune':
        return this.overlay.pruned(from);
      case 'graft':
        return this.overlay.grafted(from);
      case 'request':
        return this.#responder.receive(from, frame);
      case 'response':
        return this.requests.answered(from, frame);
      case 'cancel':
        return this.#responder.cancel(from, frame);
    }
  }

  #peerJoined(name: string): void {
    this.#welcomes.peerJoined(name);
    this.overlay.peersChanged();
    this.#digests.peerJoined(name);
    // The same incarnation, or another one?
    if (this.publishers.remembers(name)) {
      this.#attachments.contact(name, undefined, { isDirect: true });
    }
  }

  #peerLeft(name: string, reason: 'left' | 'failed'): void {
    this.#welcomes.peerLeft(name, reason);
    this.overlay.peerLeft(name);
    this.#digests.peerLeft(name);
    this.#attachments.peerLeft(name);
    this.#answers.peerLeft(name);
    this.confirmations.peerLeft(name);
    this.outgoing.window.peerLeft(name);
    this.requests.peerLeft(name);
    this.#responder.peerLeft(name);
    this.publishers.peerLeft(name, reason);
  }

  #ownEntry(): DigestEntry | undefined {
    const { high, retained } = this.outgoing;
    if (high === 0) return undefined;
    const lowest = retained.lowest ?? high + 1;
    return { publisher: '', boot: this.node.boot, lowest, high, isFinal: this.#isLeaving };
  }

  *#otherEntries(): Generator<DigestEntry> {
    for (const stream of this.publishers.all()) {
      const { publisher, boot, next, retained } = stream;
      const lowest = retained.lowest ?? next;
      if (next === 1 || retained.size === 0) continue;
      yield { publisher, boot, lowest, high: next - 1, isFinal: stream.isComplete };
    }
  }

  #source(
    publisher: string,
    boot: string,
  ): { retained: Outgoing['retained']; high: number } | undefined {
    if (publisher === '') return boot === this.node.boot ? this.outgoing : undefined;
    const stream = this.publishers.get(publisher, boot);
    return stream && { retained: stream.retained, high: stream.next - 1 };
  }

  #sent(): void {
    this.#digests.wake();
    this.#trimLater();
    this.publishers.trimTotal(this.outgoing.retained, this.node.options.retention.totalBytes);
    if (this.overlay.isActive) this.#offerOwn(false);
  }

  #offerOwn(hasLarge: boolean): void {
    const own = this.#ownEntry();
    if (own !== undefined) this.overlay.offer(own, { hasLarge });
  }

  #isRetaining(): boolean {
    this.publishers.trim(this.outgoing.retained);
    return this.publishers.retainedBytes > 0;
  }

  #trimLater(): void {
    if (this.#isTrimming) return;
    this.#isTrimming = true;
    this.node.context.clock.setTimer(TRIM_MS, () => {
      this.#isTrimming = false;
      if (this.#isRetaining()) this.#trimLater();
    });
  }
}
