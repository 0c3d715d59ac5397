/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node of a cluster under test, ours or Go's: both take the same commands and emit the same events.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { eventually } from '../eventually.js';
import { tableOf } from './table-of.js';

/** The test's settings of a node. Durations are milliseconds; bytes are base64. */
export interface PeerSettings {
  readonly name: string;
  readonly bindAddr: string;
  readonly bindPort: number;
  readonly protocolVersion?: number;
  readonly label?: string;
  readonly secretKey?: string;
  readonly enableCompression?: boolean;
  /** Only Grafana's fork supports it. */
  readonly compressionAlgorithm?: 'lzw' | 'snappy';
  readonly gossipVerifyIncoming?: boolean;
  readonly gossipVerifyOutgoing?: boolean;
  readonly delegateProtocolMin?: number;
  readonly delegateProtocolMax?: number;
  readonly delegateProtocolVersion?: number;
  readonly probeInterval?: number;
  readonly probeTimeout?: number;
  readonly gossipInterval?: number;
  readonly pushPullInterval?: number;
  readonly tcpTimeout?: number;
  readonly suspicionMult?: number;
  readonly suspicionMaxTimeoutMult?: number;
  readonly gossipToTheDeadTime?: number;
  readonly deadNodeReclaimTime?: number;
  readonly meta?: string;
  readonly localState?: string;
  readonly ackPayload?: string;
}

/** Updates spread quickly; failure detection is that of a LAN, so that a busy machine causes no failures. */
export const calm = {
  gossipInterval: 50,
  pushPullInterval: 1_000,
} satisfies Partial<PeerSettings>;

/** Failure detection is quick, too. */
export const quick = {
  ...calm,
  probeInterval: 500,
  probeTimeout: 300,
  suspicionMult: 3,
  suspicionMaxTimeoutMult: 2,
} satisfies Partial<PeerSettings>;

/** One command to a node. */
export interface Command {
  readonly do: string;
  readonly seeds?: readonly string[];
  readonly node?: string;
  readonly address?: string;
  readonly bytes?: string;
  readonly reliable?: boolean;
}

export type NodeState = 'alive' | 'suspect' | 'dead' | 'left';

/** A member as a node lists it. */
export interface SeenNode {
  readonly name: string;
  readonly address: string;
  readonly meta: string | null;
  /** Only our nodes report it. */
  readonly state?: NodeState;
  readonly protocolVersion: number;
}

/** An event of a node. */
export type PeerEvent =
  | { readonly event: 'join' | 'leave' | 'update' | 'conflict'; readonly node: SeenNode }
  | {
      readonly event: 'message' | 'state' | 'ping';
      readonly from?: string;
      /** Omitted above 4096 bytes. */
      readonly bytes?: string;
      readonly size: number;
      readonly digest: string;
    };

/** The SHA-256 of bytes, as nodes report it. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export abstract class Peer {
  readonly settings: PeerSettings;
  /** All events, including those before a restart. */
  readonly events: PeerEvent[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(settings: PeerSettings) {
    this.settings = settings;
  }

  /** Starts the node; resolves when it is bound. */
  abstract start(): Promise<void>;
  /** Ends it like a crash, without a leave. */
  abstract kill(): Promise<void>;
  /** Its log, including the time before a restart. */
  abstract get log(): string;
  /** Its log at the time when all nodes were killed. */
  aliveLog: string | undefined;
  protected abstract call(command: Command): Promise<unknown>;

  get name(): string {
    return this.settings.name;
  }

  /** `'ip:port'`, as a seed. */
  get address(): string {
    const { bindAddr, bindPort } = this.settings;
    return bindAddr.includes(':') ? `[${bindAddr}]:${bindPort}` : `${bindAddr}:${bindPort}`;
  }

  async join(...seeds: readonly Peer[]): Promise<void> {
    await this.call({ do: 'join', seeds: seeds.map(({ address }) => address) });
  }

  async members(): Promise<Map<string, SeenNode>> {
    const members = (await this.call({ do: 'members' })) as SeenNode[];
    return new Map(members.map((member) => [member.name, member]));
  }

  async setMeta(meta: Uint8Array): Promise<void> {
    await this.call({ do: 'setMeta', bytes: Buffer.from(meta).toString('base64') });
  }

  async send(
    to: Pick<Peer, 'name'>,
    bytes: Uint8Array,
    how: 'best effort' | 'reliable',
  ): Promise<void> {
    const text = Buffer.from(bytes).toString('base64');
    await this.call({ do: 'send', node: to.name, bytes: text, reliable: how === 'reliable' });
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    await this.call({ do: 'broadcast', bytes: Buffer.from(bytes).toString('base64') });
  }

  /** A standalone ping; the round trip in milliseconds. */
  async ping(target: Peer): Promise<number> {
    const { name: node, address } = target;
    return (await this.call({ do: 'ping', node, address })) as number;
  }

  async addKey(key: string): Promise<void> {
    await this.call({ do: 'addKey', bytes: key });
  }

  async useKey(key: string): Promise<void> {
    await this.call({ do: 'useKey', bytes: key });
  }

  async removeKey(key: string): Promise<void> {
    await this.call({ do: 'removeKey', bytes: key });
  }

  async leave(): Promise<void> {
    await this.call({ do: 'leave' });
  }

  /** Resolves once a matching event has occurred, from the given position on. */
  async until(
    what: string,
    isRight: (event: PeerEvent) => boolean,
    { from = 0, withinMs = 20_000 } = {},
  ): Promise<PeerEvent> {
    const found = (): PeerEvent | undefined => this.events.slice(from).find(isRight);
    const waited = new Promise<PeerEvent | undefined>((resolve) => {
      const settle = (event: PeerEvent | undefined): void => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve(event);
      };
      const check = (): void => {
        const event = found();
        if (event !== undefined) settle(event);
      };
      const timer = setTimeout(() => settle(undefined), withinMs);
      this.#watchers.add(check);
      check();
    });
    const event = await waited;
    if (event !== undefined) return event;
    const others = this.events
      .slice(from)
      .filter(({ event }) => event !== 'ping' && event !== 'state')
      .map((event) => this.#short(event));
    throw new Error(
      `${this.name} did not report ${what} within ${withinMs} ms, but ${others.slice(-20).join('; ')}\n` +
        `The end of its log:\n${this.log.slice(-4_000)}`,
    );
  }

  /** Resolves once this node has reported that the other left or failed. */
  async untilGone(other: Peer, state: 'left' | 'dead', from = 0): Promise<void> {
    const isRight = (event: PeerEvent): boolean =>
      event.event === 'leave' && event.node.name === other.name;
    await this.until(`${other.name} going`, isRight, { from });
    // Go's delegates do not see the difference; the push/pull table shows it.
    const row = (await tableOf(this)).get(other.name);
    assert.equal(row?.state, state, `${this.name} about ${other.name}`);
  }

  /** Resolves once a message, a state or an ack payload with these bytes has arrived. */
  async untilBytes(
    event: 'message' | 'state' | 'ping',
    bytes: Uint8Array,
    from = 0,
  ): Promise<void> {
    const digest = digestOf(bytes);
    const isRight = (seen: PeerEvent): boolean => seen.event === event && seen.digest === digest;
    await this.until(`${event} of ${bytes.length} bytes`, isRight, { from });
  }

  /** Resolves once this node lists exactly these peers, all alive. */
  async untilListed(peers: readonly Peer[], withinMs = 20_000): Promise<Map<string, SeenNode>> {
    const wanted = peers
      .map(({ name }) => `${name} alive`)
      .sort()
      .join();
    let members = new Map<string, SeenNode>();
    await eventually(
      `${this.name} lists ${wanted}`,
      async () => {
        members = await this.members();
        return Array.from(members.values(), ({ name, state = 'alive' }) => `${name} ${state}`)
          .sort()
          .join();
      },
      (seen) => seen === wanted,
      withinMs,
    );
    return members;
  }

  protected emit(event: PeerEvent): void {
    this.events.push(event);
    for (const check of [...this.#watchers]) check();
  }

  #short(event: PeerEvent): string {
    return 'node' in event
      ? `${event.event} ${event.node.name}`
      : `${event.event} of ${event.size} bytes`;
  }
}

/** Starts nodes, runs `work`, and ends the nodes in any case. */
export async function withPeers<T>(peers: readonly Peer[], work: () => Promise<T>): Promise<T> {
  try {
    await Promise.all(peers.map((peer) => peer.start()));
    return await work();
  } finally {
    await killAll(peers);
  }
}

/** Kills all nodes at once. Errors that they log about each other's end are ignored. */
export async function killAll(peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) peer.aliveLog ??= peer.log;
  await Promise.all(peers.map((peer) => peer.kill()));
}

/** Fails when a log has an unexpected line at error level, in memberlist's format (`[ERR]`). */
export function assertNoErrors(peers: readonly Peer[], expected: readonly RegExp[] = []): void {
  const errors = peers.flatMap(({ name, log, aliveLog = log }) =>
    aliveLog
      .split('\n')
      .filter((line) => /\[ERR\]|panic:|DATA RACE/.test(line))
      .filter((line) => !expected.some((pattern) => pattern.test(line)))
      .map((line) => `${name}: ${line.trim()}`),
  );
  assert.deepEqual(errors, []);
}
