/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Looks at a cluster without becoming a member: asks a node for its table, and pings, from a port of its
// own. It tells nobody of itself, so nobody lists it.
import { isIPv6 } from 'node:net';
import type { MemberlistConfig } from '../config/options.js';
import { resolveConfig } from '../config/resolve.js';
import { nodeOfRecord } from '../core/membership/merge.js';
import type { Node } from '../core/member.js';
import { MemberlistError, TimeoutError } from '../errors.js';
import type { MessageSource } from '../exchange/conversation.js';
import { Dialer, keepState } from '../exchange/dialer.js';
import { Pacer } from '../exchange/pacer.js';
import { systemClock } from '../runtime/system-clock.js';
import { readKeyFile } from '../security/key-file.js';
import { layersFor } from '../security/layers.js';
import { NetTransport } from '../transport/net-transport.js';
import { resolveSeed, SeedSyntaxError } from '../transport/resolve.js';
import type { Address } from '../wire/address.js';
import { decodeMessage, encodeMessage } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';
import { noBytes } from '../wire/messages.js';
import { PacketCodec } from '../wire/packet-codec.js';
import { encodePushPullSliced, writeRecord } from '../wire/push-pull-codec.js';
import { hostOf } from '../wire/source.js';
import { WireError } from '../wire/wire-error.js';
import {
  numberOf,
  oneWord,
  parseWords,
  textOf,
  UsageError,
  type OptionTypes,
  type Values,
} from './command.js';

const DEFAULT_PORT = 7946;

/** The options of all commands that talk to a cluster. */
export const visitorOptions = {
  key: { type: 'string' },
  'key-file': { type: 'string' },
  label: { type: 'string' },
  bind: { type: 'string' },
} as const satisfies OptionTypes;

/** What `--help` says of them. */
export const visitorHelp = `  --key KEY         the cluster's key in base64; others on this machine can see it
  --key-file FILE   a file with it, or with several, one a line; # begins a comment
  --label LABEL     the cluster's label
  --bind IP         the address of ours to use. Default: any`;

/** How a command that looks at a node was called. */
export interface Visit {
  readonly values: Values;
  /** As it was given. */
  readonly target: string;
  readonly timeoutMs: number;
}

/**
 * The words of a command that looks at one node: its own options, those of all visitors, `--timeout`, and the
 * node.
 *
 * @throws UsageError
 */
export function visitOf(
  words: readonly string[],
  { options, timeoutMs }: { options: OptionTypes; timeoutMs: { otherwise: number; to: number } },
): Visit {
  const { values, positionals } = parseWords(words, {
    ...visitorOptions,
    timeout: { type: 'string' },
    ...options,
  });
  const target = oneWord(positionals, 'HOST:PORT');
  return { values, target, timeoutMs: numberOf(values, 'timeout', { from: 1, ...timeoutMs }) };
}

/**
 * The key settings of a command; the file may have several keys, one a line.
 *
 * @throws UsageError when an option is empty, the file cannot be read, a line of it is no key, or both were given
 */
export function keysOf(values: Values): Pick<MemberlistConfig, 'secretKey' | 'keyFile'> {
  const keyFile = textOf(values, 'key-file');
  const secretKey = textOf(values, 'key');
  for (const [option, value] of Object.entries({ key: secretKey, 'key-file': keyFile })) {
    if (value?.trim() !== '') continue;
    throw new UsageError(
      `--${option} is empty: if it comes from an environment variable, set that; without encryption leave --${option} out`,
    );
  }
  if (keyFile === undefined) return secretKey === undefined ? {} : { secretKey };
  if (secretKey !== undefined) throw new UsageError('--key and --key-file exclude each other');
  try {
    readKeyFile(keyFile);
    return { keyFile };
  } catch (error) {
    throw new UsageError(`--key-file: ${(error as Error).message}`);
  }
}

/**
 * The first address of `HOST`, `HOST:PORT` or `NAME/HOST:PORT`.
 *
 * @throws UsageError when it is none of these; the resolver's errors
 */
export async function targetOf(text: string): Promise<Address> {
  const [target] = await resolveSeed(text, { defaultPort: DEFAULT_PORT }).catch(
    (error: unknown) => {
      throw error instanceof SeedSyntaxError ? new UsageError(error.message) : error;
    },
  );
  if (target === undefined) throw new Error(`${text} has no address`);
  return target;
}

/** What came of a ping: the round trip, or why there is none. */
export type PingAnswer = { readonly ms: number } | { readonly failure: string };

export class Visitor {
  readonly #transport: NetTransport;
  readonly #codec: PacketCodec;
  readonly #dialer: Dialer;
  readonly #waiting = new Map<number, (receivedAt: number) => void>();
  #seqNo = 0;

  private constructor(transport: NetTransport, values: Values, timeoutMs: number) {
    const label = textOf(values, 'label');
    const layers = layersFor(resolveConfig({ label, ...keysOf(values) }));
    this.#transport = transport;
    this.#codec = new PacketCodec(layers);
    const clock = systemClock;
    const components = { transport, clock, layers, pacer: new Pacer({ clock }) };
    this.#dialer = new Dialer(components, { timeoutMs });
  }

  /**
   * Binds a port.
   *
   * @throws ConfigError for a wrong key or label; UsageError; the system's errors
   */
  static async open(to: Address, values: Values, timeoutMs: number): Promise<Visitor> {
    const any = isIPv6(hostOf(to.addr)) ? '::' : '0.0.0.0';
    const transport = new NetTransport({ bindAddr: textOf(values, 'bind') ?? any, bindPort: 0 });
    const visitor = new Visitor(transport, values, timeoutMs);
    await transport.start({
      packet: (packet, _from, receivedAt) => visitor.#receive(packet, receivedAt),
      stream: (stream) => stream.close(),
    });
    return visitor;
  }

  /**
   * The node's member table, and how long it took.
   *
   * @throws ProtocolError, TimeoutError
   */
  async table(to: Address): Promise<{ readonly nodes: readonly Node[]; readonly ms: number }> {
    const startedAt = systemClock.now();
    const nothing = { join: false, rows: [], write: writeRecord, userState: noBytes };
    const state: MessageSource = (memory) => encodePushPullSliced(nothing, memory);
    const { records } = await this.#dialer.pushPull(to, { state, take: keepState });
    const nodes = records.flatMap((record) => nodeOfRecord(record) ?? []);
    return { nodes, ms: systemClock.now() - startedAt };
  }

  /** Pings over UDP. With a name in the address, another node there does not answer. */
  ping(to: Address, withinMs: number): Promise<PingAnswer> {
    const seqNo = ++this.#seqNo;
    // Without an address in it the answer goes to where the ping came from.
    const nobody = { sourceAddr: noBytes, sourcePort: 0, sourceNode: '' };
    const ping = { type: MessageType.ping, seqNo, node: to.name ?? '', ...nobody };
    const packet = this.#codec.encode([encodeMessage(ping)], { checksum: false });
    const sentAt = systemClock.now();
    return new Promise((resolve) => {
      const end = (answer: PingAnswer): void => {
        clearTimeout(timer);
        this.#waiting.delete(seqNo);
        resolve(answer);
      };
      const timer = setTimeout(() => end({ failure: `no answer in ${withinMs} ms` }), withinMs);
      this.#waiting.set(seqNo, (receivedAt) => end({ ms: Math.max(0, receivedAt - sentAt) }));
      this.#transport.writeTo(packet, to).catch((error: unknown) => {
        end({ failure: `not sent: ${(error as Error).message}` });
      });
    });
  }

  /** Pings over TCP. */
  async pingStream(to: Address, withinMs: number): Promise<PingAnswer> {
    const sentAt = systemClock.now();
    const request = { node: to.name ?? '', seqNo: ++this.#seqNo, withinMs };
    try {
      const answered = await this.#dialer.pingOrThrow(to, request);
      if (answered) return { ms: systemClock.now() - sentAt };
      return { failure: 'answered with something else' };
    } catch (error) {
      if (!(error instanceof MemberlistError)) throw error;
      if (error instanceof TimeoutError) return { failure: `no answer in ${withinMs} ms` };
      return { failure: error.message };
    }
  }

  close(): Promise<void> {
    return this.#transport.shutdown();
  }

  #receive(packet: Buffer, receivedAt: number): void {
    try {
      this.#codec.decode(packet, (buf, start, end) => {
        if (buf[start] !== MessageType.ackResp) return;
        const message = decodeMessage(buf, start, end);
        if (message.type === MessageType.ackResp) this.#waiting.get(message.seqNo)?.(receivedAt);
      });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
}
