/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Pings outside of probe rounds: pings of the user, and checks whether a node of some name is alive at an address.
import type { Address } from '../../wire/address.js';
import { encodeMessage } from '../../wire/message-codec.js';
import type { CoreContext } from '../context.js';
import type { Outbox } from '../gossip/piggyback.js';
import type { LocalNode } from '../local-node.js';
import type { SendFailure } from '../ports.js';
import type { AckTable } from './ack-table.js';

/** The result of a standalone ping. */
export type PingResult =
  { readonly roundTripMs: number } | { readonly failure: SendFailure | undefined };

/** The target of a ping: the node of a name at an `'ip:port'`. */
export interface PingTarget {
  readonly node: string;
  readonly addr: string;
}

/** The timeout of a ping over a stream, as a multiple of `probeTimeout`. */
const STREAM_TIMEOUTS = 4;

/** Sends single pings. */
export class Pinger {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #acks: AckTable;
  readonly #outbox: Outbox;
  #isStopped = false;

  constructor(components: {
    context: CoreContext;
    self: LocalNode;
    acks: AckTable;
    outbox: Outbox;
  }) {
    this.#context = components.context;
    this.#self = components.self;
    this.#acks = components.acks;
    this.#outbox = components.outbox;
  }

  /** No result is reported from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Pings one node in a packet; `done` is called once, unless the engine is stopped.
   *
   * @param along - messages for the same packet, if they fit; otherwise they are sent in packets after it
   */
  ping(
    { node, addr }: PingTarget,
    done: (result: PingResult) => void,
    along: readonly Buffer[] = [],
  ): void {
    const { clock, settings } = this.#context;
    const seqNo = this.#self.nextSequence();
    const sentAt = clock.now();
    const waiter = {
      acked: (_payload: Buffer, receivedAt: number) =>
        done({ roundTripMs: Math.max(0, receivedAt - sentAt) }),
      expired: () => done({ failure: undefined }),
    };
    this.#acks.expect(seqNo, waiter, settings.probeTimeout);
    const ping = encodeMessage(this.#self.ping(seqNo, node));
    this.#outbox.send({ addr, name: node }, [ping, ...along], (failure) => {
      if (!this.#acks.has(seqNo)) return;
      this.#acks.cancel(seqNo);
      done({ failure });
    });
  }

  /**
   * Checks whether a node of this name answers at this address: to a packet or else, as in a probe, over a stream,
   * unless stream pings are off. `done` is called once, unless the engine is stopped.
   */
  checkAlive(target: PingTarget, done: (answered: boolean) => void): void {
    this.ping(target, (result) => {
      if ('roundTripMs' in result) done(true);
      else this.#askOverStream(target, done);
    });
  }

  /**
   * Searches for an alive node with our name: `done` is called once with its address, or with undefined; immediately
   * if our name was claimed at no other address.
   */
  findNamesake(done: (address: string | undefined) => void): void {
    const { name: node, claimedAt } = this.#self;
    let waiting = claimedAt.size;
    if (waiting === 0) done(undefined);
    for (const addr of claimedAt) {
      this.checkAlive({ node, addr }, (answered) => {
        if (waiting === 0) return;
        waiting = answered ? 0 : waiting - 1;
        if (waiting === 0) done(answered ? addr : undefined);
      });
    }
  }

  #askOverStream({ node, addr }: PingTarget, done: (answered: boolean) => void): void {
    const { settings, effects, clock } = this.#context;
    if (settings.disableTcpPings || settings.disableTcpPingsForNode?.(node) === true) {
      done(false);
      return;
    }
    const to: Address = { addr, name: node };
    const seqNo = this.#self.nextSequence();
    const deadlineAt = clock.now() + STREAM_TIMEOUTS * settings.probeTimeout;
    effects.streamPing({ to, node, seqNo, deadlineAt }, (answered) => {
      if (!this.#isStopped) done(answered);
    });
  }
}
