/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A dialer and its target, in virtual time.
import assert from 'node:assert/strict';
import { ProtocolError } from '../../../src/errors.js';
import { Acceptor, type AcceptorHost } from '../../../src/exchange/acceptor.js';
import { Dialer, keepState, type TakeState } from '../../../src/exchange/dialer.js';
import { GossipCipher } from '../../../src/security/aes-gcm.js';
import { Keyring } from '../../../src/security/keyring.js';
import { MemoryNetwork, VirtualClock } from '../../../src/testing/index.js';
import type { Connection, Transport } from '../../../src/transport/transport.js';
import { Label } from '../../../src/wire/label.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import {
  encodePushPull,
  type PushPull,
  type StreamLayers,
} from '../../../src/wire/stream-codec.js';
import { Pacer } from '../../../src/exchange/pacer.js';
import type { Sliced } from '../../../src/wire/sliced.js';
import { slicedResult } from './sliced-result.js';

export const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
export const row = {
  addr: Buffer.of(10, 0, 0, 1),
  port: 1,
  meta: null,
  incarnation: 1,
  state: 0,
  vsn,
};
export const ours = { records: [{ ...row, name: 'ours' }], userState: Buffer.from('our state') };
export const theirs = {
  records: Array.from({ length: 500 }, (_, i) => ({ ...row, name: `n${i}`, incarnation: i })),
  userState: Buffer.alloc(200_000, 0xab),
};
export const to = { addr: '10.0.0.1:7946', name: 'target' };
export const ack = encodeMessage({ type: 2, seqNo: 7, payload: null });
export const noHost = (): never => assert.fail('not to be called');

export interface Settings {
  label?: string;
  compress?: boolean;
  key?: Buffer;
  version?: 0 | 1;
}

export function layersOf({
  label = '',
  compress = false,
  key,
  version = 1,
}: Settings = {}): StreamLayers {
  const keyring = key && new Keyring(key);
  const rules = { version, verifyIncoming: true, verifyOutgoing: true } as const;
  const cipher = keyring && new GossipCipher({ keyring, ...rules });
  return { label: new Label({ label, skipInboundCheck: false }), cipher, compress };
}

/** A dialer and a target that passes its end of each stream to `accept`, in virtual time. */
export class Harness {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, latency: 1 });
  readonly dialer: Dialer;
  readonly target: Transport;
  /** The streams that the target accepted, the newest last. */
  readonly streams: Connection[] = [];
  readonly #transport: Transport;

  private constructor(layers: StreamLayers) {
    this.target = this.network.transport('target', to);
    this.#transport = this.network.transport('us', { addr: '10.0.0.2:7946' });
    const pacer = new Pacer({ clock: this.clock });
    const components = { transport: this.#transport, clock: this.clock, layers, pacer };
    this.dialer = new Dialer(components, { timeoutMs: 10_000 });
  }

  static async open(
    accept: (connection: Connection, harness: Harness) => unknown,
    layers = layersOf(),
  ): Promise<Harness> {
    const harness = new Harness(layers);
    await harness.#transport.start({ packet: noHost, stream: noHost });
    await harness.target.start({
      packet: noHost,
      stream: (connection) => {
        harness.streams.push(connection);
        accept(connection, harness);
      },
    });
    return harness;
  }

  /** A target that is a real acceptor, with this host. */
  static withAcceptor(host: Partial<AcceptorHost>, layers = layersOf(), theirLayers = layers) {
    const whole: AcceptorHost = {
      name: 'target',
      localState: (join) => slicedResult(encodePushPull({ join, ...theirs })),
      objectionTo: () => slicedResult(undefined),
      merge: () => slicedResult(undefined),
      userMessage: noHost,
      allowsIp: () => true,
      foreignLabel: () => undefined,
      dropped: () => undefined,
      failed: (_from, error) => assert.fail(error as Error),
      ...host,
    };
    let acceptor: Acceptor | undefined;
    return Harness.open((connection, { clock }) => {
      const components = { host: whole, clock, layers: theirLayers, pacer: new Pacer({ clock }) };
      acceptor ??= new Acceptor(components, { timeoutMs: 10_000 });
      void acceptor.accept(connection);
    }, layers);
  }

  /** A target that answers every request with these bytes and closes. */
  static answering(answer: Buffer | null): Promise<Harness> {
    return Harness.open(async (connection) => {
      await connection.read();
      if (answer !== null) await connection.write(answer);
      connection.close();
    });
  }

  pushPull(signal?: AbortSignal): Promise<PushPull> {
    return this.finish(this.dialer.pushPull(to, stateOf({ join: true, ...ours }), { signal }));
  }

  ping(node = 'target', withinMs = 500): Promise<boolean> {
    return this.finish(this.dialer.ping(to, { node, seqNo: 7, withinMs }));
  }

  /** Advances virtual time until the promise is settled. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    await this.#until(() => settled);
    return promise;
  }

  async #until(isOver: () => boolean): Promise<void> {
    for (let turns = 0; !isOver(); turns++) {
      assert.ok(turns < 10_000, 'it does not end');
      this.clock.runNext();
      await new Promise(setImmediate);
    }
  }
}

type StateToSend = Parameters<typeof encodePushPull>[0];

/** A state to send; the peer's state is returned unchanged. */
export function stateOf(state: StateToSend): {
  state: () => Sliced<Buffer>;
  take: TakeState<PushPull>;
} {
  return { state: () => slicedResult(encodePushPull(state)), take: keepState };
}

export function isProtocolError(words: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ProtocolError, String(error));
    assert.match(error.message, words);
    return true;
  };
}
