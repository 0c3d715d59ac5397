/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The protocol engine of one node: constructs the parts, and is the only entry point for packets. Time drives it in
// periodic-work.ts.
import type { Address } from '../wire/address.js';
import { encodeMessage } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';
import type { PacketCodec } from '../wire/packet-codec.js';
import { CatchUp } from './catch-up.js';
import { Forgotten } from './membership/forgotten.js';
import type { CoreContext } from './context.js';
import { Dispatcher } from './dispatcher.js';
import type { TransmitLimitedQueue } from './gossip/broadcast-queue.js';
import { makeClaimQueue } from './gossip/claim-queue.js';
import { Outbox } from './gossip/piggyback.js';
import { Inbox } from './inbox.js';
import { LocalHealth } from './lifeguard/local-health.js';
import { LocalNode, type Identity } from './local-node.js';
import type { Member } from './member.js';
import { MemberTable } from './member-table.js';
import { Membership } from './membership/apply.js';
import { AddressTakeovers } from './membership/address-takeovers.js';
import { Merger } from './membership/merger.js';
import { Reaper } from './membership/reaper.js';
import { NameBound } from './name-bound.js';
import { PeriodicWork } from './periodic-work.js';
import { AckTable } from './probe/ack-table.js';
import { Pinger, type PingResult, type PingTarget } from './probe/pinger.js';
import { Prober } from './probe/prober.js';
import { Responder } from './probe/responder.js';
import { SendWatch } from './probe/send-watch.js';
import { VerifiedMembers } from './probe/verified-members.js';

/** The protocol engine: synchronous, and pure apart from the given clock, randomness and effects. */
export class Engine {
  readonly table: MemberTable;
  readonly health: LocalHealth;
  readonly self: LocalNode;
  readonly queue: TransmitLimitedQueue;
  readonly acks: AckTable;
  readonly takeovers: AddressTakeovers;
  readonly verified: VerifiedMembers;
  /** Merges the tables of other nodes. */
  readonly merger: Merger;
  readonly #context: CoreContext;
  readonly #membership: Membership;
  readonly #reaper: Reaper;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #catchUp: CatchUp;
  readonly #urgentQueue: TransmitLimitedQueue;
  readonly #pinger: Pinger;
  readonly #prober: Prober;
  readonly #dispatcher: Dispatcher;
  readonly #periodic: PeriodicWork;
  #running = false;

  /** @param init.earlierIncarnation - an incarnation of an earlier run of this node; we start above it */
  constructor(
    context: CoreContext,
    init: { codec: PacketCodec; identity: Identity; earlierIncarnation?: number | undefined },
  ) {
    const { clock, random, counters, settings } = context;
    this.#context = context;
    this.#inbox = new Inbox(
      { clock, counters },
      {
        depth: settings.handoffQueueDepth,
        handle: (message) => this.#dispatcher.handleQueued(message),
      },
    );
    this.#catchUp = new CatchUp({ clock, counters, inbox: this.#inbox });
    const { lifeguard } = settings;
    const afterReceived = lifeguard.probeWait(this.#catchUp.wait);
    this.table = new MemberTable(random);
    const { identity, earlierIncarnation, codec } = init;
    this.self = new LocalNode({ name: settings.name, identity, random });
    if (earlierIncarnation !== undefined) this.self.incarnationAbove(earlierIncarnation);
    this.health = new LocalHealth({
      maxMultiplier: settings.awarenessMaxMultiplier,
      changed: (score) => context.effects.notify({ type: 'health', score }),
    });
    const verified = (this.verified = new VerifiedMembers({ table: this.table, random }));
    const queued = (): void => this.#periodic.gossip.wake();
    this.queue = makeClaimQueue(context, { numNodes: () => verified.clusterSize, queued });
    // Its transmissions are based on the whole table: it contains few claims, and some verified members may belong to
    // the attacker and relay nothing.
    this.#urgentQueue = makeClaimQueue(context, { numNodes: () => this.table.size, queued });
    this.acks = new AckTable({ clock, afterReceived });
    const { table, self, health, queue, acks } = this;
    const urgentQueue = this.#urgentQueue;
    const outbox = (this.#outbox = new Outbox({
      context,
      codec,
      table,
      queue,
      urgentQueue,
      verified,
    }));
    const takeovers = (this.takeovers = new AddressTakeovers({ table }, { ownName: self.name }));
    const names = new NameBound(outbox.budget);
    const shared = { context, self, table, queue, health, outbox, acks, names };
    const parts = { ...shared, afterReceived, takeovers, verified };
    const pinger = (this.#pinger = new Pinger(parts));
    const forgotten = new Forgotten({ clock, pinger }, { forMs: settings.forgetMs });
    const reaper = (this.#reaper = new Reaper({ ...parts, forgotten }));
    const membership = (this.#membership = new Membership({
      ...parts,
      urgentQueue,
      forgotten,
      afterReceived: lifeguard.suspicionWait(this.#catchUp.wait),
    }));
    this.merger = new Merger({ ...parts, membership }, { isRunning: () => this.#running });
    const sends = new SendWatch(parts);
    this.#prober = new Prober(
      { ...parts, membership, reaper, sends },
      { restartInterval: () => this.#periodic.restartProbeInterval() },
    );
    const responder = new Responder(parts);
    this.#dispatcher = new Dispatcher({
      ...parts,
      codec,
      inbox: this.#inbox,
      responder,
      membership,
    });
    this.#periodic = new PeriodicWork({ ...parts, prober: this.#prober });
  }

  /** Adds ourselves to the table and starts the schedulers. */
  start(meta: Buffer | null): void {
    this.#running = true;
    this.announce(meta);
    this.startSchedulers();
  }

  /** Stops everything for good; no packet is sent and no callback is made any more. */
  stop(): void {
    this.#running = false;
    this.stopSchedulers();
    this.#catchUp.stop();
    this.#pinger.stop();
    this.#inbox.clear();
    this.#membership.stop();
    this.acks.clear();
    this.queue.reset();
    this.#urgentQueue.reset();
  }

  /** Starts the periodic work. Does nothing if it is running. */
  startSchedulers(): void {
    this.#periodic.start();
  }

  /** Stops the periodic work, until it is started again. */
  stopSchedulers(): void {
    this.#periodic.stop();
    this.#prober.stop();
  }

  /** Our own row in the table. */
  get local(): Member {
    const member = this.table.get(this.self.name);
    if (member === undefined) throw new Error('the engine was not started');
    return member;
  }

  /** Resumes gossip, because there is something new to gossip. */
  wakeGossip(): void {
    this.#periodic.gossip.wake();
  }

  /** Whether any other member is alive or suspect. */
  get hasPeers(): boolean {
    for (const member of this.table) {
      if (!member.isGone && member.name !== this.self.name) return true;
    }
    return false;
  }

  /** Number of running suspicion timers. */
  get suspicionsRunning(): number {
    return this.#membership.suspicionsRunning;
  }

  /** Milliseconds by which the next probe is late; if this keeps growing, the node is stuck. */
  get overdueMs(): number {
    return this.#periodic.probe.overdueMs;
  }

  /** Number of queued inbound messages. */
  get inboxDepth(): number {
    return this.#inbox.size;
  }

  /** The longest user message that fits into a packet. */
  get userMessageBudget(): number {
    return this.#outbox.budget - 1;
  }

  /** The longest message that can be gossiped. */
  get broadcastBudget(): number {
    return this.#outbox.broadcastBudget;
  }

  /** Bytes of our alive message with this metadata. */
  aliveLength(meta: Buffer | null): number {
    return encodeMessage({ ...this.self.aliveClaim(meta), incarnation: 0xffffffff }).length;
  }

  /** Announces that we are alive, under the next incarnation; `finished` is called when the gossip is finished. */
  announce(meta: Buffer | null, finished?: () => void): void {
    this.self.nextIncarnation();
    this.#membership.announceSelf(this.self.aliveClaim(meta), finished);
  }

  /** After a leave: announces that we are back, under a higher incarnation. */
  comeBack(meta: Buffer | null): void {
    this.self.leaving = false;
    this.announce(meta);
  }

  /** Announces that we leave; `finished` is called when the gossip is finished. */
  leave(finished: () => void): void {
    const { name: node, incarnation } = this.local;
    this.self.leaving = true;
    this.#membership.dead({ type: MessageType.dead, node, from: node, incarnation }, { finished });
  }

  /** Processes one datagram. Never throws because of its content. */
  receivePacket(packet: Buffer, from: Address, receivedAt: number): void {
    if (this.#running) this.#dispatcher.receive(packet, from, receivedAt);
  }

  /** Pings one node, with messages for the same packet; `done` is called once, unless the engine is stopped. */
  ping(target: PingTarget, done: (result: PingResult) => void, along?: readonly Buffer[]): void {
    this.#pinger.ping(target, done, along);
  }

  /** Searches for an alive node that also has our name; `done` as in {@link Pinger.findNamesake}. */
  findNamesake(done: (address: string | undefined) => void): void {
    this.#pinger.findNamesake(done);
  }

  /** A packet with a user message; undefined if it does not fit. */
  userPacket(to: Address, payload: Uint8Array): Buffer | undefined {
    return this.#outbox.packetFor(to, Buffer.concat([Buffer.of(MessageType.user), payload]));
  }

  /** The same for several receivers, in their order; those that need the same bytes share a packet. */
  userPackets(receivers: readonly Address[], payload: Uint8Array): Buffer[] | undefined {
    const message = Buffer.concat([Buffer.of(MessageType.user), payload]);
    return this.#outbox.packetsFor(receivers, message);
  }

  /** Forgets a member that is gone, until it answers a ping; false if it is not gone. */
  forget(name: string): boolean {
    return this.#reaper.forget(name);
  }

  /** A join succeeded: exchanges state a few more times in the following seconds. */
  settle(): void {
    if (this.#running && this.#context.settings.settleAfterJoin) this.#periodic.settling.start();
  }

  /**
   * The node starts a push/pull with a peer.
   *
   * @returns a function to call once, when the push/pull has ended in any way
   */
  exchangeBegins(): () => void {
    return this.#periodic.settling.exchangeBegins();
  }
}
