/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An attacker: it sends forged claims about members that do not exist, from an address of its own. In an encrypted
// cluster it has the key.

import { layersFor } from '../../../src/security/layers.js';
import type { MemoryTransport } from '../../../src/testing/index.js';
import { ipToBytes, splitHostPort } from '../../../src/wire/address.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import { encodePushPull } from '../../../src/wire/push-pull-codec.js';
import { wrapForStream } from '../../../src/wire/stream-codec.js';
import type { EventWatch } from './invariants.js';
import type { Forgery } from './scenario.js';
import type { Life, Stage } from './stage.js';

const ownAddr = '10.250.0.1:7946';
const silentNet = '10.251';
const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
/** No node admits longer names, with the largest packets of a scenario. */
const longestName = 659;

/** Sends forged claims. */
export class Forger {
  readonly #stage: Stage;
  readonly #watch: EventWatch;
  #transport: MemoryTransport | undefined;
  #forged = 0;

  constructor(components: { stage: Stage; watch: EventWatch }) {
    this.#stage = components.stage;
    this.#watch = components.watch;
  }

  /** Sends one forgery to one node. */
  async forge(forgery: Forgery): Promise<void> {
    const target = this.#stage.life(forgery.to);
    const claims = Array.from({ length: forgery.count }, (_, i) => this.#claim(forgery, i));
    if (forgery.byStream) await this.#sendTable(target, forgery, claims);
    else this.#sendPackets(target, forgery, claims);
  }

  #claim(forgery: Forgery, i: number): { name: string; addr: Buffer; port: number } {
    const { where, nameBytes, state } = forgery;
    const name = `f${this.#forged++}`.padEnd(nameBytes, 'f');
    const address = this.#addressFor(where, i);
    if (name.length <= longestName) {
      this.#stage.forged.add(name);
      this.#watch.forged(name, address, state === 3);
    }
    const { host = '', port = 0 } = splitHostPort(address) ?? {};
    return { name, addr: ipToBytes(host) as Buffer, port };
  }

  #addressFor(where: string, i: number): string {
    if (where === 'each') return `${silentNet}.${1 + (i >> 8)}.${i & 0xff}:7946`;
    if (!this.#stage.has(where)) return `${silentNet}.0.1:7946`;
    return this.#stage.life(where).list.localNode.address;
  }

  #sendPackets(
    target: Life,
    { state }: Forgery,
    claims: readonly { name: string; addr: Buffer; port: number }[],
  ): void {
    const { config, localNode } = target.list;
    const codec = new PacketCodec(layersFor(config));
    const { alive, suspect, dead } = MessageType;
    const incarnation = 1;
    const send = (message: Buffer): void => {
      const packet = codec.encode([message], { checksum: false });
      this.#stage.cluster.network.carry(packet, ownAddr, localNode.address);
    };
    for (const { name: node, addr, port } of claims) {
      send(encodeMessage({ type: alive, incarnation, node, addr, port, meta: null, vsn }));
      if (state === 0) continue;
      const type = state === 1 ? suspect : dead;
      send(encodeMessage({ type, incarnation, node, from: state === 3 ? node : 'somebody' }));
    }
  }

  async #sendTable(
    target: Life,
    { state }: Forgery,
    claims: readonly { name: string; addr: Buffer; port: number }[],
  ): Promise<void> {
    const { cluster } = this.#stage;
    const { config, localNode } = target.list;
    const records = claims.map((claim) => ({ ...claim, meta: null, incarnation: 1, state, vsn }));
    const message = encodePushPull({ join: false, records, userState: Buffer.alloc(0) });
    const layers = layersFor(config);
    const request = Buffer.concat([layers.label.header, wrapForStream(message, layers)]);
    try {
      const transport = (this.#transport ??= await this.#begin());
      const { address: addr } = localNode;
      const timeout = this.#stage.scenario.settings.tcpTimeout;
      const connection = await transport.dial({ addr }, { timeout });
      await connection.write(request);
      cluster.clock.setTimer(timeout, () => connection.close());
    } catch {
      // The faults of the network also affect the attacker.
    }
  }

  async #begin(): Promise<MemoryTransport> {
    const transport = this.#stage.cluster.network.transport('forger', { addr: ownAddr });
    await transport.start({ packet: () => undefined, stream: (stream) => stream.close() });
    return transport;
  }
}
