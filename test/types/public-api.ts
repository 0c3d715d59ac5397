/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The shapes of the public interface, checked by the compiler alone (`npm run typecheck`): this file
// never runs. Where a type becomes wider or narrower than what is promised, it does not compile.

/* eslint-disable @typescript-eslint/no-unused-vars -- values are here for their types */
/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- so are type parameters */
/* eslint-disable @typescript-eslint/no-meaningless-void-operator -- and uses that are none */
/* eslint-disable @typescript-eslint/consistent-type-imports -- classes must be exported as values */

import type { EventEmitter } from 'node:events';
import type { Registry } from 'prom-client';
import {
  type Address,
  type AliveDelegate,
  type Broadcast,
  type Clock,
  ConfigError,
  type ConflictDelegate,
  type Connection,
  type Delegate,
  type ErrorCode,
  type EventDelegate,
  JoinError,
  type JoinResult,
  Keyring,
  type Logger,
  type MemberEvent,
  Memberlist,
  type MemberlistConfig,
  MemberlistError,
  type MemberlistEvents,
  type MergeDelegate,
  MessageTooLargeError,
  NetTransport,
  type Node,
  NodeNameRequiredError,
  NoPingResponseError,
  type PingDelegate,
  ProtocolError,
  type ResolvedConfig,
  ShutdownError,
  TimeoutError,
  type Transport,
  TransmitLimitedQueue,
  decodeMeta,
  encodeMeta,
  lanConfig,
  leaveOnSignals,
  liveness,
  localConfig,
  readiness,
  wanConfig,
} from '../../src/index.js';
import { decodeSerfTags, serf } from '../../src/serf/index.js';
import { MemoryNetwork } from '../../src/testing/index.js';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Extends<A, B> = [A] extends [B] ? true : false;

/** Compiles for true only. */
function holds<T extends true>(): T | undefined {
  return undefined;
}

type Wait = { timeout?: number; signal?: AbortSignal } | undefined;

export function memberlist(list: Memberlist, node: Node): void {
  holds<Equal<ReturnType<typeof Memberlist.create>, Promise<Memberlist>>>();
  holds<Extends<[] | [config: MemberlistConfig], Parameters<typeof Memberlist.create>>>();
  holds<Extends<Memberlist, EventEmitter<MemberlistEvents>>>();
  holds<Extends<Memberlist, AsyncDisposable>>();

  holds<Equal<ReturnType<Memberlist['join']>, Promise<JoinResult>>>();
  holds<Extends<string[], Parameters<Memberlist['join']>[0]>>();
  holds<Extends<Wait, Parameters<Memberlist['join']>[1]>>();
  holds<Extends<Wait, Parameters<Memberlist['leave']>[0]>>();
  holds<Extends<Wait, Parameters<Memberlist['updateNode']>[0]>>();
  holds<Equal<ReturnType<Memberlist['leave']>, Promise<void>>>();
  holds<Equal<ReturnType<Memberlist['updateNode']>, Promise<void>>>();
  holds<Equal<Memberlist['shutdown'], () => Promise<void>>>();
  holds<Equal<Memberlist['localNode'], Node>>();
  holds<Equal<Memberlist['members'], () => Node[]>>();
  holds<Equal<Memberlist['member'], (name: string) => Node | undefined>>();
  holds<Equal<Memberlist['numMembers'], number>>();
  holds<Equal<Memberlist['healthScore'], number>>();
  holds<Equal<Memberlist['keyring'], Keyring | undefined>>();
  holds<Equal<Memberlist['config'], Readonly<ResolvedConfig>>>();
  holds<Equal<Memberlist['ping'], (node: Node | string, address?: string) => Promise<number>>>();
  type Send<To> = (to: To, message: Uint8Array) => Promise<void>;
  holds<Equal<Memberlist['sendBestEffort'], Send<Node | string>>>();
  holds<Equal<Memberlist['sendReliable'], Send<Node | string>>>();
  holds<Equal<Memberlist['sendToAddress'], Send<Address>>>();
  holds<Equal<ReturnType<Memberlist['broadcast']>, void>>();
  list.broadcast(Buffer.of(1), { name: 'config' });
  holds<Equal<ReturnType<Memberlist['setMeta']>, Promise<void>>>();
  void list.setMeta({ role: 'web' }, { timeout: 1 }).then(() => list.setMeta(Buffer.of(1)));
  holds<Equal<Memberlist['state'], 'running' | 'leaving' | 'left' | 'shutdown'>>();
  holds<Equal<ReturnType<Memberlist['unref']>, Memberlist>>();
  holds<Equal<ReturnType<typeof liveness>['ok'], boolean>>();
  holds<Equal<ReturnType<typeof readiness>['members'], number>>();
  readiness(list, { minMembers: 3 });
  const off = leaveOnSignals(list, { before: () => undefined, after: () => Promise.resolve() });
  holds<Equal<typeof off, () => void>>();
  leaveOnSignals(list, ['SIGTERM'], { exit: false, timeout: 5_000 });
  holds<Equal<ReturnType<Memberlist['events']>, AsyncIterableIterator<MemberEvent>>>();
  holds<Extends<{ signal?: AbortSignal }, Parameters<Memberlist['events']>[0]>>();

  // @ts-expect-error made by `create` only
  new Memberlist();
  // @ts-expect-error it is read-only
  list.localNode = node;
  // @ts-expect-error it is read-only
  list.config.probeInterval = 1;
  // @ts-expect-error seeds are a list
  void list.join('10.0.0.1');
  // @ts-expect-error a text is no message
  void list.sendReliable(list.localNode, 'text');
}

export function events(list: Memberlist): void {
  list.on('join', (node) => holds<Equal<typeof node, Node>>());
  list.on('leave', (node, reason) => {
    holds<Equal<typeof node, Node>>();
    holds<Equal<typeof reason, 'left' | 'failed'>>();
  });
  list.on('update', (node, previousMeta) => {
    holds<Equal<typeof node, Node>>();
    holds<Equal<typeof previousMeta, Buffer>>();
  });
  list.once('suspect', (node) => holds<Equal<typeof node, Node>>());
  list.once('refute', (node) => holds<Equal<typeof node, Node>>());
  list.on('conflict', (existing, other) => {
    holds<Equal<typeof existing, Node>>();
    holds<Equal<typeof other, Node>>();
  });
  list.on('message', (payload, from) => {
    holds<Equal<typeof payload, Buffer>>();
    holds<Equal<typeof from, Address>>();
  });
  list.on('health', (score) => holds<Equal<typeof score, number>>());
  // @ts-expect-error a join has no reason
  list.on('join', (_node: Node, _reason: string) => undefined);
  type MemberNames = 'join' | 'leave' | 'update' | 'suspect' | 'refute' | 'conflict';
  type CompanyNames = 'isolated' | 'minority' | 'quorum-restored' | 'flapping';
  type Names = MemberNames | CompanyNames | 'message' | 'health';
  list.on('isolated', ({ members, expected }) => holds<Equal<typeof members, typeof expected>>());
  list.on('flapping', (node, count) => {
    holds<Equal<typeof node, Node>>();
    holds<Equal<typeof count, number>>();
  });
  holds<Equal<keyof MemberlistEvents, Names>>();
  holds<Equal<MemberEvent['type'], Names | 'overflow'>>();
}

export async function iteration(list: Memberlist): Promise<void> {
  for await (const event of list.events()) {
    switch (event.type) {
      case 'join':
      case 'suspect':
      case 'refute':
        holds<Equal<typeof event.node, Node>>();
        break;
      case 'leave':
        holds<Equal<typeof event.reason, 'left' | 'failed'>>();
        break;
      case 'update':
        holds<Equal<typeof event.previousMeta, Buffer>>();
        break;
      case 'conflict':
        holds<Equal<typeof event.other, Node>>();
        break;
      case 'message':
        holds<Equal<typeof event.from, Address>>();
        break;
      case 'health':
        holds<Equal<typeof event.score, number>>();
        break;
      case 'isolated':
      case 'minority':
      case 'quorum-restored':
        holds<Equal<typeof event.expected, number>>();
        break;
      case 'flapping':
        holds<Equal<typeof event.count, number>>();
        break;
      case 'overflow':
        holds<Equal<typeof event.dropped, number>>();
        break;
      default:
        holds<Equal<typeof event, never>>();
    }
  }
}

interface PromisedNode {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly address: string;
  readonly meta: Buffer;
  readonly extensions: Readonly<Record<string, number>>;
  readonly state: 'alive' | 'suspect' | 'dead' | 'left';
  readonly incarnation: number;
  readonly protocol: { readonly min: number; readonly max: number; readonly current: number };
  readonly delegateProtocol: {
    readonly min: number;
    readonly max: number;
    readonly current: number;
  };
}

export function data(node: Node, result: JoinResult): void {
  holds<Extends<Node, PromisedNode>>();
  holds<Equal<keyof Node, keyof PromisedNode>>();
  holds<Equal<Node['state'], PromisedNode['state']>>();
  holds<Extends<{ addr: string; name?: string }, Address>>();
  holds<Equal<JoinResult['contacted'], number>>();
  const failure = result.failures[0];
  if (failure !== undefined) {
    holds<Equal<typeof failure.seed, string>>();
    holds<Equal<typeof failure.address, string | undefined>>();
    holds<Equal<typeof failure.error, Error>>();
  }
  // @ts-expect-error it is a snapshot
  node.name = 'other';
}

export function configuration(registry: Registry): MemberlistConfig[] {
  const everything: Required<Omit<MemberlistConfig, 'secretKey' | 'keyring' | 'keyFile'>> = {
    ...wanConfig(),
    name: 'a',
    bindAddr: ['127.0.0.1', '::1'],
    bindPort: 0,
    advertiseAddr: '10.0.0.1',
    advertisePort: 1,
    protocolVersion: 2,
    label: 'blue',
    skipInboundLabelCheck: false,
    disableTcpPings: true,
    disableTcpPingsForNode: (name: string) => name === 'x',
    requireNodeNames: true,
    cidrsAllowed: ['10.0.0.0/8'],
    seeds: ['10.0.0.2', 'srv+_gossip._udp.example.org'],
    rejoin: { interval: 60_000 },
    expectedMembers: 5,
    snapshot: { path: '/var/lib/gossip.json' },
    delegate: {},
    events: {},
    conflict: { notifyConflict: () => undefined },
    merge: { notifyMerge: () => undefined },
    ping: {},
    alive: { notifyAlive: () => undefined },
    delegateProtocolVersion: 0,
    delegateProtocolMin: 0,
    delegateProtocolMax: 0,
    use: [{ name: 'bus', attach: () => undefined }],
    transport: new MemoryNetwork().transport('a'),
    plaintext: false,
    logger: console,
    metrics: { registry, labels: { cluster: 'blue' }, prefix: 'gossip_' },
    clock: new MemoryNetwork().clock,
    random: { next: () => 0.5 },
  };
  const spread: MemberlistConfig[] = [
    {},
    everything,
    { ...lanConfig(), bindAddr: '127.0.0.1', secretKey: Buffer.alloc(16) },
    { ...localConfig(), secretKey: 'base64', metrics: false },
    { rejoin: false, seeds: (signal: AbortSignal) => Promise.resolve([String(signal.aborted)]) },
    { keyFile: '/etc/gossip/keys' },
    { plaintext: true, logger: false },
    { keyring: new Keyring(Keyring.generate()), name: undefined },
  ];
  // @ts-expect-error unknown fields are mistakes
  spread.push({ gossipNode: 3 });
  const { KEY: key } = process.env;
  // @ts-expect-error a key that may be missing is not a key
  spread.push({ secretKey: key });
  // @ts-expect-error it is in milliseconds
  spread.push({ probeInterval: '1s' });
  holds<Extends<Required<MemberlistConfig>['transport'], Transport | undefined>>();
  holds<Equal<ResolvedConfig['probeInterval'], number>>();
  holds<Equal<ResolvedConfig['bindAddr'], readonly string[]>>();
  return spread;
}

export function delegates(): void {
  const delegate: Required<Delegate> = {
    nodeMeta: (limit: number): Uint8Array => new Uint8Array(limit),
    notifyMsg: (message: Buffer, from: Address): void => void [message, from],
    getBroadcasts: (overhead: number, limit: number): Uint8Array[] => [
      new Uint8Array(limit - overhead),
    ],
    localState: (join: boolean): Uint8Array => Uint8Array.of(join ? 1 : 0),
    mergeRemoteState: (state: Buffer, join: boolean): void => void [state, join],
  };
  const eventDelegate: Required<EventDelegate> = {
    notifyJoin: (n: Node): void => void n,
    notifyLeave: (n: Node, reason: 'left' | 'failed'): void => void [n, reason],
    notifyUpdate: (n: Node): void => void n,
  };
  const conflict: ConflictDelegate = { notifyConflict: (a: Node, b: Node): void => void [a, b] };
  const merge: MergeDelegate = { notifyMerge: (peers: Node[]): void => void peers };
  const alive: AliveDelegate = { notifyAlive: (peer: Node): void => void peer };
  const ping: Required<PingDelegate> = {
    ackPayload: (): Uint8Array => new Uint8Array(),
    notifyPingComplete: (other: Node, rtt: number, payload: Buffer): void =>
      void [other, rtt, payload],
  };
  void [delegate, eventDelegate, conflict, merge, alive, ping];
}

export function queueAndKeyring(): void {
  const queue = new TransmitLimitedQueue({ numNodes: () => 3, retransmitMult: 4 });
  const broadcast: Broadcast = {
    name: 'x',
    message: Buffer.of(1),
    invalidates: (other: Broadcast) => other.name === 'x',
    finished: () => undefined,
  };
  queue.queueBroadcast(broadcast);
  queue.queueBroadcast({ message: Buffer.of(1) });
  holds<Equal<ReturnType<typeof queue.getBroadcasts>, Uint8Array[]>>();
  holds<Extends<typeof queue.getBroadcasts, NonNullable<Delegate['getBroadcasts']>>>();
  holds<Equal<typeof queue.numQueued, number>>();
  queue.prune(1);
  queue.reset();

  const keyring = new Keyring('base64', [Buffer.alloc(16), 'base64']);
  keyring.addKey(Keyring.generate(16));
  keyring.useKey('base64');
  keyring.removeKey(Buffer.alloc(16));
  holds<Extends<ReturnType<typeof keyring.keys>, readonly Buffer[]>>();
  holds<Equal<typeof keyring.primaryKey, Buffer>>();
}

export class OwnTransport implements Transport {
  start(handlers: {
    packet(buf: Buffer, from: Address, receivedAt: number): void;
    stream(s: Connection): void;
  }): Promise<void> {
    handlers.packet(Buffer.of(1), { addr: '10.0.0.1:1', name: 'a' }, 0);
    return Promise.resolve();
  }
  finalAdvertiseAddr(
    addr: string | undefined,
    port: number | undefined,
  ): { addr: string; port: number } {
    return { addr: addr ?? '10.0.0.1', port: port ?? 1 };
  }
  writeTo(_packet: Buffer, _to: Address): void {
    return;
  }
  dial(_to: Address, options: { timeout: number; signal?: AbortSignal }): Promise<Connection> {
    return Promise.reject(new Error(String(options.timeout)));
  }
  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

export function others(clock: Clock, logger: Logger, connection: Connection): void {
  holds<Extends<NetTransport, Transport>>();
  holds<Equal<Connection['remoteAddress'], string>>();
  holds<Equal<ReturnType<Connection['read']>, Promise<Buffer | null>>>();
  holds<Equal<ReturnType<Connection['write']>, Promise<void>>>();
  holds<Extends<Console, Logger>>();
  clock.setTimer(1, () => logger.info('line', { field: 1 })).cancel();
  connection.close();
}

export function errors(error: JoinError): void {
  const all = [
    ConfigError,
    NoPingResponseError,
    TimeoutError,
    ProtocolError,
    MessageTooLargeError,
    ShutdownError,
    NodeNameRequiredError,
  ] as const;
  holds<Extends<InstanceType<(typeof all)[number]>, MemberlistError>>();
  holds<Extends<JoinError, AggregateError>>();
  holds<Extends<JoinError, MemberlistError>>();
  holds<Extends<MemberlistError['code'], `ERR_MEMBERLIST_${string}`>>();
  holds<Equal<MemberlistError['code'], ErrorCode>>();
  holds<Extends<(typeof error.failures)[number], JoinResult['failures'][number]>>();
  holds<
    Extends<ConfigError['problems'][number], { field: string; value: unknown; rule: string }>
  >();
}

export async function helpers(): Promise<void> {
  const meta = encodeMeta({ role: 'web', port: 8080, tags: ['a', null], nested: { ok: true } });
  holds<Equal<typeof meta, Buffer>>();
  const decoded = decodeMeta(meta);
  holds<Extends<undefined, typeof decoded>>();
  // @ts-expect-error What cannot be packed must not compile.
  encodeMeta({ role: () => 'web' });

  const guest = serf({ tags: { role: 'web' } });
  const list = await Memberlist.create({ use: [guest], name: 'a' });
  guest.on('event', ({ name, payload, ltime, coalesce }) => {
    holds<Equal<[typeof name, typeof payload], [string, Buffer]>>();
    holds<Equal<[typeof ltime, typeof coalesce], [number, boolean]>>();
  });
  guest.sendEvent('deploy', Buffer.from('v1'), { coalesce: false });
  await guest.setTags({ role: 'db' });
  for await (const { type, from, payload } of guest.query('q', 'x', {
    filterTags: { role: '^db$' },
  })) {
    holds<Equal<[typeof type, typeof from], ['ack' | 'response', string]>>();
    holds<Equal<typeof payload, Buffer>>();
  }
  guest.respond('q', ({ payload }) => Promise.resolve(payload));
  guest.on('member', ({ type, members }) => {
    holds<Extends<typeof type, 'join' | 'leave' | 'failed' | 'update' | 'reap'>>();
    holds<Equal<(typeof members)[number]['status'], 'alive' | 'leaving' | 'left' | 'failed'>>();
  });
  await guest.forceLeave('b', { prune: true });
  holds<Equal<ReturnType<typeof guest.rtt>, number | undefined>>();
  // @ts-expect-error There is no such event.
  guest.on('nothing', () => undefined);
  holds<Extends<ReturnType<typeof decodeSerfTags>, Record<string, string> | undefined>>();
  await list.shutdown();
}
