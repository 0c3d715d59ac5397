/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The application's messages and pings to single nodes. A member is given as a node or by name; anything else is a
// ConfigError before anything is sent.
import type { Engine } from '../core/engine.js';
import type { Node } from '../core/member.js';
import {
  ConfigError,
  MessageTooLargeError,
  NodeNameRequiredError,
  NoPingResponseError,
  ProtocolError,
  ShutdownError,
} from '../errors.js';
import type { Dialer } from '../exchange/dialer.js';
import { checkMessage } from './operation-options.js';
import type { PacketSender } from './packet-sender.js';
import { asError } from '../runtime/as-error.js';
import { ipToBytes, splitHostPort, type Address } from '../wire/address.js';

/** What sending needs of the node. */
export interface SenderComponents {
  readonly engine: Engine;
  readonly dialer: Pick<Dialer, 'userMessage'>;
  readonly packets: Pick<PacketSender, 'sendForUser'>;
  /** Looks up `'host:port'`. */
  readonly resolve: (address: string) => Promise<Address[]>;
  /** @throws ShutdownError once the node is shut down */
  readonly mustRun: (operation: string) => void;
  /** Calls a function on shutdown; returns a function that cancels that. */
  readonly onShutdown: (giveUp: () => void) => () => void;
}

/** Sends messages and pings to single nodes. */
export class Sender {
  readonly #node: SenderComponents;
  readonly #requireNodeNames: boolean;
  readonly #probeTimeout: number;

  constructor(
    components: SenderComponents,
    config: { readonly requireNodeNames: boolean; readonly probeTimeout: number },
  ) {
    this.#node = components;
    this.#requireNodeNames = config.requireNodeNames;
    this.#probeTimeout = config.probeTimeout;
  }

  async bestEffort(to: Node | string, message: Uint8Array): Promise<void> {
    this.#node.mustRun('sendBestEffort');
    checkMessage(message);
    await this.#sendPacket(this.#memberAt('to', to), message);
  }

  async reliable(to: Node | string, message: Uint8Array): Promise<void> {
    this.#node.mustRun('sendReliable');
    checkMessage(message);
    const target = this.#memberAt('to', to);
    try {
      await this.#node.dialer.userMessage(target, message);
    } catch (error) {
      this.#node.mustRun('sendReliable');
      throw error;
    }
  }

  async toAddress(to: Address, message: Uint8Array): Promise<void> {
    this.#node.mustRun('sendToAddress');
    const { addr, name } = (to as Partial<Address> | null | undefined) ?? {};
    if (!isIpPort(addr)) {
      const rule = "must be 'ip:port', in an object as { addr: '10.0.0.5:7946', name: 'web-1' }";
      throw new ConfigError([{ field: 'to.addr', value: addr, rule }]);
    }
    if (name !== undefined && typeof name !== 'string') {
      const rule = 'must be the name of the node, or left out';
      throw new ConfigError([{ field: 'to.name', value: name, rule }]);
    }
    checkMessage(message);
    if (this.#requireNodeNames && name === undefined) throw new NodeNameRequiredError(addr);
    await this.#sendPacket({ addr, ...(name !== undefined && { name }) }, message);
  }

  async ping(to: Node | string, address: string | undefined): Promise<number> {
    const { mustRun, onShutdown, engine } = this.#node;
    mustRun('ping');
    const target = await this.#pingTarget(to, address);
    mustRun('ping');
    const { node, addr } = target;
    return new Promise((resolve, reject) => {
      const forget = onShutdown(() => reject(new ShutdownError('ping')));
      engine.ping(target, (result) => {
        forget();
        if ('roundTripMs' in result) resolve(result.roundTripMs);
        else if (result.failure === undefined) {
          reject(new NoPingResponseError(node, addr, this.#probeTimeout));
        } else {
          const { error: cause } = result.failure;
          reject(new ProtocolError(`${node} at ${addr}: ${cause.message}`, { cause }));
        }
      });
    });
  }

  async #pingTarget(
    to: Node | string,
    address: string | undefined,
  ): Promise<{ node: string; addr: string }> {
    if (address === undefined) {
      const { name, addr } = this.#memberAt('node', to);
      return { node: name, addr };
    }
    // A member that moved can be pinged at another address than its own.
    const node: unknown = typeof to === 'string' ? to : (to as Partial<Node> | null)?.name;
    if (typeof node !== 'string') {
      const rule = 'must be the name of a node';
      throw new ConfigError([{ field: 'node', value: to, rule }]);
    }
    if (typeof address !== 'string') {
      const rule = "must be 'ip:port' or 'host:port'; leave it out for a member";
      throw new ConfigError([{ field: 'address', value: address, rule }]);
    }
    const [first] = await this.#resolve(address);
    return { node, addr: first?.addr ?? address };
  }

  async #resolve(address: string): Promise<Address[]> {
    try {
      return await this.#node.resolve(address);
    } catch (cause) {
      this.#node.mustRun('ping');
      const rule = `cannot be used: ${asError(cause).message}`;
      throw new ConfigError([{ field: 'address', value: address, rule }], { cause });
    }
  }

  /** @throws ConfigError for what is neither a member's name nor a node */
  #memberAt(field: string, to: unknown): { readonly addr: string; readonly name: string } {
    if (typeof to === 'string') {
      const member = this.#node.engine.table.get(to);
      if (member !== undefined) return { addr: member.address, name: to };
      const rule = `no member has the name ${JSON.stringify(to)}; members() lists all`;
      throw new ConfigError([{ field, value: to, rule }]);
    }
    const { address, name } = (to as Partial<Node> | null | undefined) ?? {};
    if (typeof name === 'string' && isIpPort(address)) return { addr: address, name };
    const rule = 'must be the name of a member, or a node as members() gives it';
    throw new ConfigError([{ field, value: to, rule }]);
  }

  async #sendPacket(to: Address, message: Uint8Array): Promise<void> {
    const { engine, packets } = this.#node;
    const packet = engine.userPacket(to, message);
    if (packet === undefined) {
      throw new MessageTooLargeError('the message', message.length, engine.userMessageBudget);
    }
    await packets.sendForUser(packet, to);
  }
}

function isIpPort(addr: unknown): addr is string {
  const parts = typeof addr === 'string' ? splitHostPort(addr) : undefined;
  return parts !== undefined && ipToBytes(parts.host) !== undefined;
}
