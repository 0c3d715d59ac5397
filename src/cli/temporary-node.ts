/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Queries a cluster without joining it: asks a node for its member table, and pings, from an ephemeral port.
// It does not announce itself, so no member lists it.
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

/** The options of all commands that connect to a cluster. */
export const clusterOptions = {
  key: { type: 'string' },
  'key-file': { type: 'string' },
  label: { type: 'string' },
  bind: { type: 'string' },
} as const satisfies OptionTypes;

/** The text of these options in `--help`. */
export const clusterOptionsHelp = `  --key KEY         the cluster's key in base64; visible to other users of this machine
  --key-file FILE   a file with the key, or with several, one per line; # starts a comment
  --label LABEL     the cluster's label
  --bind IP         the local address to use. Default: any`;

/** The parsed arguments of a command that queries one node. */
export interface NodeQuery {
  readonly values: Values;
  /** The node, as the user wrote it. */
  readonly target: string;
  readonly timeoutMs: number;
}

/**
 * Parses the arguments of a command that queries one node: its own options, those of all cluster commands,
 * `--timeout`, and the node.
 *
 * @throws UsageError
 */
export function nodeQueryOf(
  words: readonly string[],
  { options, timeoutMs }: { options: OptionTypes; timeoutMs: { otherwise: number; to: number } },
): NodeQuery {
  const { values, positionals } = parseWords(words, {
    ...clusterOptions,
    timeout: { type: 'string' },
    ...options,
  });
  const target = oneWord(positionals, 'HOST:PORT');
  return { values, target, timeoutMs: numberOf(values, 'timeout', { from: 1, ...timeoutMs }) };
}

/**
 * The key settings of a command; the key file may hold several keys, one per line.
 *
 * @throws UsageError if an option is empty, the file cannot be read, a line is not a key, or both are given
 */
export function keysOf(values: Values): Pick<MemberlistConfig, 'secretKey' | 'keyFile'> {
  const keyFile = textOf(values, 'key-file');
  const secretKey = textOf(values, 'key');
  for (const [option, value] of Object.entries({ key: secretKey, 'key-file': keyFile })) {
    if (value?.trim() !== '') continue;
    throw new UsageError(
      `--${option} is empty: if it comes from an environment variable, set that variable; without encryption omit --${option}`,
    );
  }
  if (keyFile === undefined) return secretKey === undefined ? {} : { secretKey };
  if (secretKey !== undefined) throw new UsageError('--key and --key-file cannot be combined');
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
 * @throws UsageError if it has none of these forms; the resolver's errors
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

/** The result of a ping: the round trip, or why there is none. */
export type PingAnswer =
  { readonly ms: number; readonly payload: Buffer } | { readonly failure: string };

type Answered = (receivedAt: number, payload: Buffer) => void;

export class TemporaryNode {
  readonly #transport: NetTransport;
  readonly #codec: PacketCodec;
  readonly #dialer: Dialer;
  readonly #waiting = new Map<number, Answered>();
  /** Receives user messages in packets. */
  userMessage: (message: Buffer) => void = () => undefined;
  #seqNo = 0;

  private constructor(
    transport: NetTransport,
    values: Values,
    { timeoutMs, moreKeys }: { timeoutMs: number; moreKeys: readonly Buffer[] },
  ) {
    const config = resolveConfig({ label: textOf(values, 'label'), ...keysOf(values) });
    for (const key of moreKeys) config.keyring?.addKey(key);
    const layers = layersFor(config);
    this.#transport = transport;
    this.#codec = new PacketCodec(layers);
    const clock = systemClock;
    const components = { transport, clock, layers, pacer: new Pacer({ clock }) };
    this.#dialer = new Dialer(components, { timeoutMs });
  }

  /**
   * Binds an ephemeral port.
   *
   * @param moreKeys - keys that can open what members send, in addition to those of the options
   *
   * @throws ConfigError for an invalid key or label; UsageError; the system's errors
   */
  static async open(
    to: Address,
    values: Values,
    timeoutMs: number,
    moreKeys: readonly Buffer[] = [],
  ): Promise<TemporaryNode> {
    const any = isIPv6(hostOf(to.addr)) ? '::' : '0.0.0.0';
    const transport = new NetTransport({ bindAddr: textOf(values, 'bind') ?? any, bindPort: 0 });
    const node = new TemporaryNode(transport, values, { timeoutMs, moreKeys });
    await transport.start({
      packet: (packet, _from, receivedAt) => node.#receive(packet, receivedAt),
      stream: (stream) => stream.close(),
    });
    return node;
  }

  /**
   * The node's member table, and how long the exchange took.
   *
   * @throws ProtocolError, TimeoutError
   */
  async table(to: Address): Promise<{
    readonly nodes: readonly Node[];
    readonly ms: number;
    /** The state of the node's delegate. */
    readonly userState: Buffer;
  }> {
    const startedAt = systemClock.now();
    const nothing = { join: false, rows: [], write: writeRecord, userState: noBytes };
    const state: MessageSource = (memory) => encodePushPullSliced(nothing, memory);
    const { records, userState } = await this.#dialer.pushPull(to, { state, take: keepState });
    const nodes = records.flatMap((record) => nodeOfRecord(record) ?? []);
    return { nodes, ms: systemClock.now() - startedAt, userState };
  }

  /** Sends a user message over a stream. @throws ProtocolError, TimeoutError, BusyError */
  sendMessage(to: Address, message: Uint8Array): Promise<void> {
    return this.#dialer.userMessage(to, message);
  }

  /** The port that answers come to. */
  get port(): number {
    return this.#transport.port;
  }

  /** Pings over UDP. If the address has a name, a node with another name does not answer. */
  ping(to: Address, withinMs: number): Promise<PingAnswer> {
    const seqNo = ++this.#seqNo;
    // Without a source address the ack goes to the sender of the packet.
    const noSource = { sourceAddr: noBytes, sourcePort: 0, sourceNode: '' };
    const ping = { type: MessageType.ping, seqNo, node: to.name ?? '', ...noSource };
    const packet = this.#codec.encode([encodeMessage(ping)], { checksum: false });
    const sentAt = systemClock.now();
    return new Promise((resolve) => {
      const end = (answer: PingAnswer): void => {
        clearTimeout(timer);
        this.#waiting.delete(seqNo);
        resolve(answer);
      };
      const timer = setTimeout(() => end({ failure: `no answer within ${withinMs} ms` }), withinMs);
      this.#waiting.set(seqNo, (receivedAt, payload) =>
        end({ ms: Math.max(0, receivedAt - sentAt), payload }),
      );
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
      if (answered) return { ms: systemClock.now() - sentAt, payload: noBytes };
      return { failure: 'the answer is not an ack' };
    } catch (error) {
      if (!(error instanceof MemberlistError)) throw error;
      if (error instanceof TimeoutError) return { failure: `no answer within ${withinMs} ms` };
      return { failure: error.message };
    }
  }

  close(): Promise<void> {
    return this.#transport.shutdown();
  }

  #receive(packet: Buffer, receivedAt: number): void {
    try {
      this.#codec.decode(packet, (buf, start, end) => {
        if (buf[start] === MessageType.user) this.userMessage(buf.subarray(start + 1, end));
        if (buf[start] !== MessageType.ackResp) return;
        const message = decodeMessage(buf, start, end);
        if (message.type !== MessageType.ackResp) return;
        this.#waiting.get(message.seqNo)?.(receivedAt, Buffer.from(message.payload ?? noBytes));
      });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
}
