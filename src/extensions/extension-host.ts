/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All extensions of one node: attaches them, announces them in the metadata, delivers their messages, and stops them
// with the node. Without extensions the node behaves as if this did not exist.
import type { Member } from '../core/member.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Random } from '../core/ports.js';
import type { Delegate, PingDelegate } from '../delegates.js';
import { ConfigError } from '../errors.js';
import type { Address } from '../wire/address.js';
import { decodeEnvelope } from '../wire/extension-envelope.js';
import { encodeTrailer } from '../wire/extension-trailer.js';
import { AttachedExtension } from './attached-extension.js';
import { ExtensionGossip } from './extension-gossip.js';
import type { Extension, ExtensionHooks, JoinStarter } from './extension.js';
import type { HostedNode } from './hosted-node.js';

/** What an {@link ExtensionHost} is created with. */
export interface ExtensionHostInit {
  readonly use: readonly Extension[];
  /** Members that a round of gossip is sent to. */
  readonly fanOut: number;
  /** A source of randomness for each extension, and one for their gossip. */
  readonly randomFor: (label: string) => Random;
  /** Whether the configuration has a delegate. */
  readonly hasDelegate: boolean;
  /** Whether the configuration has a ping delegate. */
  readonly hasPing: boolean;
}

/** The extensions of one node. */
export class ExtensionHost {
  /** Announces the extensions; empty without any. */
  readonly trailer: Buffer;
  readonly gossip: ExtensionGossip;
  readonly #byName = new Map<string, AttachedExtension>();
  readonly #node: HostedNode;
  /** What the configuration has; an extension cannot have it in addition. */
  readonly #configured: { readonly delegate: boolean; readonly ping: boolean };
  #delegate: Delegate | undefined;
  #ping: PingDelegate | undefined;
  #isLeaving: AbortController | undefined;

  constructor(node: HostedNode, init: ExtensionHostInit) {
    this.#node = node;
    this.#configured = { delegate: init.hasDelegate, ping: init.hasPing };
    for (const extension of init.use) {
      const random = init.randomFor(`extension ${extension.name}`);
      this.#byName.set(extension.name, new AttachedExtension(extension, node, { random }));
    }
    const extensions = this.all;
    this.trailer = encodeTrailer(extensions.map(({ name, version }) => [name, version] as const));
    const random = init.randomFor('extension gossip');
    this.gossip = new ExtensionGossip({ extensions, random }, { fanOut: init.fanOut });
  }

  /** The delegate of an extension; undefined when none has one, and before `attach`. */
  get delegate(): Delegate | undefined {
    return this.#delegate;
  }

  /** The ping delegate of an extension; undefined when none has one, and before `attach`. */
  get ping(): PingDelegate | undefined {
    return this.#ping;
  }

  /** All extensions, in the order in which they were given. */
  get all(): readonly AttachedExtension[] {
    return [...this.#byName.values()];
  }

  /**
   * Attaches the extensions, in their order.
   *
   * @throws what an extension throws; ConfigError when there would be two delegates or two ping delegates. All are stopped then
   */
  attach(): void {
    try {
      for (const extension of this.all) {
        this.#takeDelegates(extension.name, extension.attach());
      }
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /**
   * Receives a user message. A message of an extension that this node does not run is dropped and counted.
   *
   * @returns whether it is a message of an extension
   */
  receive(message: Buffer, from: Address): boolean {
    const envelope = decodeEnvelope(message);
    if (envelope === undefined) return false;
    const extension = this.#byName.get(envelope.extension);
    const { sender = from.name, payload } = envelope;
    if (extension === undefined) this.#node.dropped(envelope.extension, sender ?? from.addr);
    else extension.message(payload, { name: sender, address: from.addr }, message.length);
    return true;
  }

  onMembershipEvent(event: MembershipEvent): void {
    for (const extension of this.#byName.values()) extension.onMembershipEvent(event);
  }

  /** This node starts a join. */
  joining(): void {
    for (const extension of this.#byName.values()) extension.joining();
  }

  /** A join that this node started failed. */
  joinFailed(): void {
    for (const extension of this.#byName.values()) extension.joinFailed();
  }

  /** A join succeeded. */
  joined(startedBy: JoinStarter): void {
    for (const extension of this.#byName.values()) extension.joined(startedBy);
  }

  /** The node comes back during or after a leave. */
  resumed(): void {
    for (const extension of this.#byName.values()) extension.resumed();
  }

  /** Settles when all extensions are ready for the leave, and never rejects; undefined without extensions. */
  leaving(): Promise<unknown> | undefined {
    if (this.#byName.size === 0) return undefined;
    const stop = new AbortController();
    this.#isLeaving = stop;
    return Promise.all(this.all.map((extension) => extension.leaving(stop.signal)));
  }

  /** The node stops waiting for `leaving`. */
  leavingEnds(reason: Error): void {
    this.#isLeaving?.abort(reason);
    this.#isLeaving = undefined;
  }

  /** Stops all extensions. */
  stop(): void {
    for (const extension of this.#byName.values()) extension.stop();
  }

  /** Messages of extensions for a packet to this member. */
  broadcasts(to: Member | undefined, overhead: number, limit: number): Uint8Array[] {
    return to === undefined ? [] : this.gossip.broadcasts(to, overhead, limit);
  }

  #takeDelegates(name: string, { delegate, ping }: ExtensionHooks): void {
    if (delegate !== undefined) {
      this.#mustBeOnly(name, 'delegate', this.#delegate);
      this.#delegate = delegate;
    }
    if (ping !== undefined) {
      this.#mustBeOnly(name, 'ping', this.#ping);
      this.#ping = ping;
    }
  }

  #mustBeOnly(name: string, kind: 'delegate' | 'ping', taken: object | undefined): void {
    if (!this.#configured[kind] && taken === undefined) return;
    const what = kind === 'ping' ? 'a ping delegate' : 'a delegate';
    const rule =
      `the extension '${name}' has ${what}, and ` +
      `${this.#configured[kind] ? 'the configuration' : 'another extension'} has one; a node can have one`;
    throw new ConfigError([{ field: 'use', value: name, rule }]);
  }
}
