/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The node as its extensions need it, built from the node's parts.
import type { Logger, ResolvedConfig } from '../config/options.js';
import type { Counters } from '../core/counters.js';
import type { Engine } from '../core/engine.js';
import { factsFrom, nodeFrom, type Member, type Node } from '../core/member.js';
import type { Clock } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { MessageTooLargeError } from '../errors.js';
import type { Dialer } from '../exchange/dialer.js';
import { printableFields } from '../observability/printable-fields.js';
import type { PacketSender } from '../node/packet-sender.js';
import { asError } from '../runtime/as-error.js';
import type { Keyring } from '../security/keyring.js';
import type { Address } from '../wire/address.js';
import { printable } from '../wire/printable.js';

/** A node, as the host of its extensions sees it. */
export interface HostedNode {
  readonly ownName: string;
  readonly clock: Clock;
  readonly retransmitMult: number;
  readonly gossipInterval: number;
  readonly keyring: Keyring | undefined;
  readonly keyFile: string | undefined;
  /** Bytes of the longest message that can be gossiped, its type included. */
  readonly broadcastBudget: number;
  readonly table: Iterable<Member> & { get(name: string): Member | undefined };
  self(): Node;
  /** Starts gossip if it rests. */
  wakeGossip(): void;
  /** @throws ProtocolError when it could not be sent */
  sendPacket(to: Address, message: Uint8Array): Promise<void>;
  /** Sends one packet to each; resolves when the system has taken them. A failure is counted and reported. */
  sendPackets(to: readonly Address[], message: Uint8Array): Promise<void>;
  /** @throws as `Memberlist.sendReliable` */
  sendStream(to: Address, message: Uint8Array): Promise<void>;
  /** @throws what the delegate's `nodeMeta` throws; MessageTooLargeError */
  updateMeta(finished?: () => void): void;
  /** As `Memberlist.forget`. */
  forget(name: string): boolean;
  /** As `Memberlist.shutdown`. */
  shutdown(): Promise<void>;
  log(level: keyof Logger, message: string, fields: object): void;
  /** How many members are alive or suspect, this node included. */
  numMembers(): number;
  /** An extension received a message that it cannot use. */
  dropMalformed(extension: string, from: string, detail: string): void;
  /** Received a message for an extension that this node does not run. */
  dropped(extension: string, from: string): void;
  /** An extension threw, or rejected. */
  failed(extension: string, hook: string, error: unknown): void;
}

/** The parts of a node that its extensions use. */
export interface HostedNodeParts {
  readonly config: Pick<
    ResolvedConfig,
    'name' | 'clock' | 'retransmitMult' | 'gossipInterval' | 'keyring' | 'keyFile'
  >;
  readonly engine: Engine;
  readonly packets: PacketSender;
  readonly dialer: Dialer;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly report: (report: Report) => void;
  readonly updateMeta: (finished?: () => void) => void;
  readonly forget: (name: string) => boolean;
  readonly shutdown: () => Promise<void>;
}

/** Builds the node for its extensions. */
export function hostedNode(parts: HostedNodeParts): HostedNode {
  const { config, engine, packets, dialer, counters, logger, report } = parts;
  const { updateMeta, forget, shutdown } = parts;
  const { name: ownName, clock, retransmitMult, gossipInterval, keyring, keyFile } = config;
  return {
    ...{ ownName, clock, retransmitMult, gossipInterval, keyring, keyFile },
    ...{ updateMeta, forget, shutdown },
    broadcastBudget: engine.broadcastBudget,
    table: engine.table,
    self: () => engine.table.get(ownName)?.snapshot() ?? beforeTheStart(engine),
    numMembers: () => engine.table.present,
    wakeGossip: () => engine.wakeGossip(),
    async sendPacket(to, message) {
      const packet = engine.userPacket(to, message);
      if (packet === undefined) {
        throw new MessageTooLargeError('the message', message.length, engine.userMessageBudget);
      }
      await packets.sendForUser(packet, to);
    },
    async sendPackets(to, message) {
      const encoded = engine.userPackets(to, message);
      if (encoded === undefined) {
        throw new MessageTooLargeError('the message', message.length, engine.userMessageBudget);
      }
      await packets.sendEach(encoded, to);
    },
    sendStream: (to, message) => dialer.userMessage(to, message),
    log: (level, message, fields) => {
      logger[level](printable(message), printableFields({ subsystem: 'extension', ...fields }));
    },
    dropMalformed: (extension, peer, detail) => {
      counters.drop('malformed');
      const text = `${extension}: ${detail}`;
      report({ code: 'packet-dropped', peer, reason: 'malformed', detail: text });
    },
    dropped: (extension, peer) => {
      const detail = `a message of the extension ${extension}, which this node does not run`;
      counters.drop('unknown-extension');
      report({ code: 'packet-dropped', peer, reason: 'unknown-extension', detail });
    },
    failed: (extension, hook, error) => {
      report({ code: 'extension-threw', extension, hook, error: asError(error) });
    },
  };
}

/** The node's logger for one extension: its lines have the field `extension`. */
export function loggerOf({ log }: Pick<HostedNode, 'log'>, extension: string): Logger {
  const at =
    (level: keyof Logger) =>
    (message: string, fields?: object): void =>
      log(level, message, { ...fields, extension });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** This node, while extensions are attached: it is not in its own table yet. */
function beforeTheStart({ self }: Engine): Node {
  const facts = factsFrom(self.aliveClaim(null));
  if (facts === undefined) throw new Error('the advertised address is no IP');
  return nodeFrom(self.name, facts, 'alive');
}
