/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One extension on one node: its context, and the guard around all calls of its code.
import { ExtensionTraffic } from '../core/counters.js';
import { TransmitLimitedQueue } from '../core/gossip/broadcast-queue.js';
import type { Member, Node } from '../core/member.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Random } from '../core/ports.js';
import { MessageTooLargeError, ProtocolError, ShutdownError } from '../errors.js';
import { checkBytes, checkOptions, optionRules } from '../node/operation-options.js';
import { catchRejection, isThenable } from '../runtime/thenable.js';
import { encodeEnvelope, envelopeBytes } from '../wire/extension-envelope.js';
import { limits } from '../wire/limits.js';
import { ExtensionClock } from './extension-clock.js';
import type { GossipingExtension } from './extension-gossip.js';
import { ExtensionMeters } from './extension-meters.js';
import type {
  Extension,
  ExtensionBroadcastOptions,
  ExtensionContext,
  ExtensionEvents,
  ExtensionHooks,
  JoinStarter,
  Peer,
  RawMessages,
} from './extension.js';
import { loggerOf, type HostedNode } from './hosted-node.js';
import { rawMessages } from './raw-messages.js';
import { mustReceive, receiversIn } from './receivers.js';

type Listener = (...args: never[]) => unknown;

/** One extension of a node. */
export class AttachedExtension implements GossipingExtension {
  readonly name: string;
  readonly version: number;
  readonly traffic = new ExtensionTraffic();
  readonly meters: ExtensionMeters;
  readonly #extension: Extension;
  readonly #node: HostedNode;
  readonly #clock: ExtensionClock;
  readonly #random: Random;
  readonly #queue: TransmitLimitedQueue;
  readonly #down = new AbortController();
  readonly #listeners = new Map<keyof ExtensionEvents, Set<Listener>>();
  /** Undefined until `attach` has returned. */
  #hooks: ExtensionHooks | undefined;
  /** Undefined after a membership event, until it is read. */
  #peers: readonly Member[] | undefined;

  constructor(extension: Extension, node: HostedNode, init: { random: Random }) {
    this.#extension = extension;
    this.#node = node;
    this.#random = init.random;
    this.name = extension.name;
    this.version = extension.version ?? 0;
    this.meters = new ExtensionMeters(this.name);
    this.#clock = new ExtensionClock(node.clock, {
      failed: (error) => this.#failed('a timer', error),
    });
    this.#queue = new TransmitLimitedQueue({
      numNodes: () => this.peerMembers.length + 1,
      retransmitMult: node.retransmitMult,
      maxEntries: limits.extensionBroadcasts,
      maxBytes: limits.extensionBroadcastBytes,
      queued: () => node.wakeGossip(),
    });
  }

  /** @throws what the extension throws */
  attach(): ExtensionHooks {
    const hooks = this.#extension.attach(this.#context()) ?? {};
    this.#hooks = hooks;
    return hooks;
  }

  get numQueued(): number {
    return this.#queue.numQueued;
  }

  get peerMembers(): readonly Member[] {
    if (this.#peers === undefined) {
      const peers: Member[] = [];
      for (const member of this.#node.table) if (this.hasPeer(member)) peers.push(member);
      this.#peers = peers;
    }
    return this.#peers;
  }

  hasPeer(member: Member): boolean {
    return (
      member.state === 'alive' && member.name !== this.#node.ownName && member.announces(this.name)
    );
  }

  take(overhead: number, limit: number): Uint8Array[] {
    const messages = this.#queue.getBroadcasts(overhead, limit);
    for (const message of messages) this.traffic.sent(message.length);
    return messages;
  }

  message(payload: Buffer, from: Peer, bytes: number): void {
    this.traffic.received(bytes);
    this.#call('message', () => this.#hooks?.message?.(payload, from));
  }

  onMembershipEvent(event: MembershipEvent): void {
    if (event.type === 'health') return;
    if (event.type !== 'conflict') this.#peers = undefined;
    for (const listener of this.#listeners.get(event.type) ?? []) {
      const args = argumentsOf(event);
      this.#call(`a listener of '${event.type}'`, () => Reflect.apply(listener, undefined, args));
    }
  }

  joining(): void {
    this.#call('joining', () => this.#hooks?.joining?.());
  }

  joinFailed(): void {
    this.#call('joinFailed', () => this.#hooks?.joinFailed?.());
  }

  joined(startedBy: JoinStarter): void {
    this.#call('joined', () => this.#hooks?.joined?.(startedBy));
  }

  resumed(): void {
    this.#call('resumed', () => this.#hooks?.resumed?.());
  }

  /** Settles when the extension is ready for the leave. Never rejects. */
  async leaving(signal: AbortSignal): Promise<void> {
    if (this.#down.signal.aborted) return;
    try {
      await this.#hooks?.leaving?.(signal);
    } catch (error) {
      this.#failed('leaving', error);
    }
  }

  /** Ends timers, listeners and messages of the extension; `stopped` is the last hook that is called. */
  stop(): void {
    if (this.#down.signal.aborted) return;
    this.#call('stopping', () => this.#hooks?.stopping?.());
    this.#clock.stop();
    this.#listeners.clear();
    this.#call('the abort signal', () => this.#down.abort(new ShutdownError(this.name)));
    this.#guarded('stopped', () => this.#hooks?.stopped?.());
    this.#queue.reset();
  }

  #context(): ExtensionContext {
    const node = this.#node;
    // Getters of an object literal cannot refer to this class.
    const attached = (): AttachedExtension => this;
    return {
      get self() {
        return node.self();
      },
      members: () => attached().#members(),
      get numMembers() {
        return node.numMembers();
      },
      member: (name) => node.table.get(name)?.snapshot(),
      peers: () => attached().peerMembers.map((member) => member.snapshot()),
      on: (event, listener) => this.#on(event, listener),
      send: (to, payload) => this.#send(to, payload),
      sendToAll: (to, payload) => this.#sendToAll(to, payload),
      sendReliable: (to, payload) => this.#sendReliable(to, payload),
      broadcast: (payload, options) => this.#broadcast(payload, options),
      get packetBudget() {
        return attached().#packetBudget;
      },
      clock: this.#clock,
      random: this.#random,
      signal: this.#down.signal,
      log: loggerOf(node, this.name),
      metrics: this.meters,
      raw: this.#raw(),
      updateMeta: (finished) => this.#updateMeta(finished),
      gossip: { interval: node.gossipInterval, retransmitMult: node.retransmitMult },
      keyring: node.keyring,
      keyFile: node.keyFile,
      forget: (name) => !this.#down.signal.aborted && node.forget(name),
      shutdown: () => node.shutdown(),
      drop: (from, detail) => {
        if (!this.#down.signal.aborted) node.dropMalformed(this.name, from, detail);
      },
      reportError: (what, error) => {
        if (!this.#down.signal.aborted) this.#failed(what, error);
      },
    };
  }

  #members(): Node[] {
    const nodes: Node[] = [];
    for (const member of this.#node.table) if (!member.isGone) nodes.push(member.snapshot());
    return nodes;
  }

  #raw(): RawMessages {
    return rawMessages(this.#node, {
      sent: (bytes) => this.traffic.sent(bytes),
      checkAllowed: (operation) => {
        this.#mustRun(operation);
        if (this.#hooks?.delegate !== undefined) return;
        throw new ProtocolError(`${operation}: the extension ${this.name} has no delegate`);
      },
    });
  }

  #updateMeta(finished?: () => void): void {
    // During `attach` the metadata is not read yet: the node announces it when all extensions are attached.
    if (this.#down.signal.aborted || this.#hooks === undefined) return;
    this.#node.updateMeta(finished && (() => this.#call('finished', finished)));
  }

  get #packetBudget(): number {
    return this.#node.broadcastBudget - 1 - envelopeBytes(this.name);
  }

  #on(event: keyof ExtensionEvents, listener: Listener): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    if (!this.#down.signal.aborted) this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async #send(to: Node | string, payload: Uint8Array): Promise<void> {
    this.#mustRun('send');
    this.#checkPacket(payload);
    const peer = mustReceive(this.#node.table, this.name, to);
    const message = encodeEnvelope(this.name, payload);
    this.traffic.sent(message.length);
    await this.#node.sendPacket(peer.destination, message);
  }

  async #sendToAll(to: Iterable<Node | string>, payload: Uint8Array): Promise<void> {
    this.#mustRun('sendToAll');
    this.#checkPacket(payload);
    const receivers = receiversIn(this.#node.table, this.name, to);
    if (receivers.length === 0) return;
    const message = encodeEnvelope(this.name, payload);
    this.traffic.sent(message.length, receivers.length);
    await this.#node.sendPackets(receivers, message);
  }

  async #sendReliable(to: Node | string, payload: Uint8Array): Promise<void> {
    this.#mustRun('sendReliable');
    checkBytes('payload', payload);
    const peer = mustReceive(this.#node.table, this.name, to);
    const message = encodeEnvelope(this.name, payload, this.#node.ownName);
    this.traffic.sent(message.length);
    await this.#node.sendStream(peer.destination, message);
  }

  #broadcast(payload: Uint8Array, options: ExtensionBroadcastOptions = {}): void {
    this.#mustRun('broadcast');
    this.#checkPacket(payload);
    checkOptions(options, { name: optionRules.name, finished: optionRules.hook });
    const { name, finished } = options;
    const ended = finished && ((): void => this.#call('finished', finished));
    if (this.peerMembers.length === 0) {
      if (ended !== undefined) this.#clock.afterTurn(ended);
      return;
    }
    this.#queue.queueBroadcast({
      message: encodeEnvelope(this.name, payload),
      ...(name !== undefined && { name }),
      ...(ended !== undefined && { finished: ended }),
    });
  }

  #checkPacket(payload: Uint8Array): void {
    checkBytes('payload', payload);
    const limit = this.#packetBudget;
    const what = `the message of the extension ${this.name}`;
    if (payload.length > limit) throw new MessageTooLargeError(what, payload.length, limit);
  }

  #mustRun(operation: string): void {
    if (this.#down.signal.aborted) throw new ShutdownError(operation);
  }

  #call(hook: string, call: () => unknown): void {
    if (!this.#down.signal.aborted) this.#guarded(hook, call);
  }

  #guarded(hook: string, call: () => unknown): void {
    try {
      const result = call();
      if (isThenable(result)) catchRejection(result, (error) => this.#failed(hook, error));
    } catch (error) {
      this.#failed(hook, error);
    }
  }

  #failed(hook: string, error: unknown): void {
    this.traffic.errors++;
    this.#node.failed(this.name, hook, error);
  }
}

function argumentsOf(event: Exclude<MembershipEvent, { type: 'health' }>): readonly unknown[] {
  if (event.type === 'conflict') return [event.existing, event.other];
  return event.type === 'leave' ? [event.node, event.reason] : [event.node];
}
