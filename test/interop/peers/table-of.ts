/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Reads the whole table of a node by one push/pull that adds no member.
import type { NodeState, PeerSettings } from './peer.js';
import { Keyring, NetTransport, lanConfig } from '../../../src/index.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import type { MessageSource } from '../../../src/exchange/conversation.js';
import { Dialer, keepState } from '../../../src/exchange/dialer.js';
import { Pacer } from '../../../src/exchange/pacer.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { layersFor } from '../../../src/security/layers.js';
import { noBytes, type MemberRecord } from '../../../src/wire/messages.js';
import { encodePushPullSliced, writeRecord } from '../../../src/wire/push-pull-codec.js';

/** A row of the table. */
export interface Row {
  readonly state: NodeState;
  readonly incarnation: number;
  /** Base64. */
  readonly meta: string;
  readonly addr: Buffer;
}

const STATES = ['alive', 'suspect', 'dead', 'left'] as const;

/** Requests the table of a node. */
export async function tableOf(node: {
  readonly settings: PeerSettings;
  readonly address: string;
}): Promise<Map<string, Row>> {
  const { label = '', secretKey, protocolVersion = 2, bindAddr } = node.settings;
  const bindAny = bindAddr.includes(':') ? '::1' : '127.0.0.1';
  const transport = new NetTransport({ bindAddr: bindAny, bindPort: 0 });
  await transport.start({ packet: () => undefined, stream: (stream) => stream.close() });
  try {
    const key = secretKey === undefined ? {} : { keyring: new Keyring(secretKey) };
    const layers = layersFor(resolveConfig({ ...lanConfig(), label, protocolVersion, ...key }));
    const clock = systemClock;
    const components = { transport, clock, layers, pacer: new Pacer({ clock }) };
    const dialer = new Dialer(components, { timeoutMs: 5_000 });
    const write = writeRecord;
    const nothing = { join: false, rows: [], write, userState: noBytes };
    const state: MessageSource = (memory) => encodePushPullSliced(nothing, memory);
    const to = { addr: node.address };
    const { records } = await dialer.pushPull(to, { state, take: keepState });
    return new Map(records.map((record) => [record.name, rowOf(record)]));
  } finally {
    await transport.shutdown();
  }
}

function rowOf({ state, incarnation, meta, addr }: MemberRecord): Row {
  const name = STATES[state];
  if (name === undefined) throw new Error(`state ${state}`);
  return { state: name, incarnation, meta: meta?.toString('base64') ?? '', addr };
}
