/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Executes the commands of peer.ts on a Memberlist.
import {
  Memberlist,
  TransmitLimitedQueue,
  type Delegate,
  type Keyring,
  type MemberlistConfig,
  type Node,
} from '../../../src/index.js';
import {
  digestOf,
  type Command,
  type PeerEvent,
  type PeerSettings,
  type SeenNode,
} from './peer.js';

const SHOWN_BYTES = 4096;
// Gossip occasionally misses a member; with this many transmissions practically never.
const RETRANSMIT_MULT = 12;

/** A Memberlist under the control of a test. */
export class OurCommands {
  readonly #emit: (event: PeerEvent) => void;
  readonly #queue: TransmitLimitedQueue;
  readonly #relayed = new Set<string>();
  #list!: Memberlist;
  #meta: Buffer;

  private constructor(meta: Buffer, emit: (event: PeerEvent) => void) {
    this.#emit = emit;
    this.#meta = meta;
    this.#queue = new TransmitLimitedQueue({
      numNodes: () => this.#list.numMembers,
      retransmitMult: RETRANSMIT_MULT,
    });
  }

  /** @param more - configuration that JSON cannot express */
  static async start(
    settings: PeerSettings,
    emit: (event: PeerEvent) => void,
    more: MemberlistConfig = {},
  ): Promise<OurCommands> {
    const { meta, localState, ackPayload, ...config } = settings;
    const commands = new OurCommands(Buffer.from(meta ?? '', 'base64'), emit);
    commands.#list = await Memberlist.create({
      ...config,
      ...more,
      delegate: commands.#delegate(Buffer.from(localState ?? '', 'base64')),
      ping: {
        ackPayload: () => Buffer.from(ackPayload ?? '', 'base64'),
        notifyPingComplete: ({ name }, _rtt, payload) => commands.#emitBytes('ping', payload, name),
      },
    });
    commands.#listen();
    return commands;
  }

  async execute(command: Command): Promise<unknown> {
    const list = this.#list;
    switch (command.do) {
      case 'join':
        return (await list.join(command.seeds ?? [])).contacted;
      case 'members':
        return list.members().map(asSeen);
      case 'setMeta':
        this.#meta = bytesOf(command);
        return list.updateNode();
      case 'send': {
        const to = this.#member(command.node);
        if (command.reliable === true) return list.sendReliable(to, bytesOf(command));
        return list.sendBestEffort(to, bytesOf(command));
      }
      case 'broadcast':
        this.#queue.queueBroadcast({ message: bytesOf(command) });
        return;
      case 'ping':
        return list.ping(command.node ?? '', command.address ?? '');
      case 'health':
        return list.healthScore;
      case 'addKey':
        this.#keyring.addKey(bytesOf(command));
        return;
      case 'useKey':
        this.#keyring.useKey(bytesOf(command));
        return;
      case 'removeKey':
        this.#keyring.removeKey(bytesOf(command));
        return;
      case 'leave':
        return list.leave();
      case 'shutdown':
        return list.shutdown();
      default:
        throw new Error(`unknown command ${command.do}`);
    }
  }

  /** Ends it without a leave. */
  end(): Promise<void> {
    return this.#list.shutdown();
  }

  get #keyring(): Keyring {
    if (this.#list.keyring === undefined) throw new Error('the node has no keyring');
    return this.#list.keyring;
  }

  #delegate(localState: Buffer): Delegate {
    return {
      nodeMeta: () => this.#meta,
      localState: () => localState,
      mergeRemoteState: (state) => this.#emitBytes('state', state),
      notifyMsg: (message, from) => {
        this.#emitBytes('message', message, from.name);
        this.#relay(message);
      },
      getBroadcasts: (overhead, limit) => this.#queue.getBroadcasts(overhead, limit),
    };
  }

  // A broadcast reaches a few members only. Each receiver broadcasts it again, so that it reaches all.
  #relay(message: Buffer): void {
    const text = message.toString('latin1');
    if (!text.startsWith('broadcast') || this.#relayed.has(text)) return;
    this.#relayed.add(text);
    this.#queue.queueBroadcast({ message });
  }

  #listen(): void {
    const list = this.#list;
    list.on('join', (node) => this.#emit({ event: 'join', node: asSeen(node) }));
    list.on('leave', (node) => this.#emit({ event: 'leave', node: asSeen(node) }));
    list.on('update', (node) => this.#emit({ event: 'update', node: asSeen(node) }));
    list.on('conflict', (node) => this.#emit({ event: 'conflict', node: asSeen(node) }));
  }

  #emitBytes(event: 'message' | 'state' | 'ping', payload: Buffer, from?: string): void {
    const bytes = payload.length <= SHOWN_BYTES ? payload.toString('base64') : undefined;
    this.#emit({
      event,
      size: payload.length,
      digest: digestOf(payload),
      ...(from !== undefined && { from }),
      ...(bytes !== undefined && { bytes }),
    });
  }

  #member(name = ''): Node {
    const node = this.#list.member(name);
    if (node === undefined) throw new Error(`${name} is not a member`);
    return node;
  }
}

function bytesOf({ bytes = '' }: Command): Buffer {
  return Buffer.from(bytes, 'base64');
}

function asSeen({ name, address, meta, state, protocol }: Node): SeenNode {
  return {
    name,
    address,
    meta: meta.toString('base64'),
    state,
    protocolVersion: protocol.current,
  };
}
