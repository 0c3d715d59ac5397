/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Cache invalidation as an extension: a key that is stale on one node is dropped on all. A key travels by gossip; a
// node that joins asks random peers for the recent keys with a packet, and gets them over a stream.
import type { Extension, ExtensionContext, ExtensionHooks, Peer } from 'node-memberlist';

const RECENT = 1_000;
const ASK = '?';

export class Invalidation implements Extension {
  readonly name = 'invalidation';
  readonly version = 1;
  readonly #drop: (key: string) => void;
  readonly #recent = new Set<string>();
  #context: ExtensionContext | undefined;

  constructor(drop: (key: string) => void) {
    this.#drop = drop;
  }

  /** Drops a key here and on every peer. */
  invalidate(key: string): void {
    this.#drop(key);
    this.#recent.add(key);
    for (const oldest of this.#recent) if (this.#recent.size > RECENT) this.#recent.delete(oldest);
    this.#context?.broadcast(Buffer.from(key), { name: key });
  }

  attach(context: ExtensionContext): ExtensionHooks {
    this.#context = context;
    const ask = (times: number): void => {
      const peers = context.peers();
      const peer = peers[Math.floor(context.random.next() * peers.length)];
      if (peer !== undefined) context.send(peer, Buffer.from(ASK)).catch(() => undefined);
      if (times > 1) context.clock.setTimer(1_000, () => ask(times - 1));
    };
    // After a second the peers know this node.
    const joined = (): void => void context.clock.setTimer(1_000, () => ask(3));
    return { joined, message: (payload, from) => this.#receive(payload.toString(), from) };
  }

  #receive(text: string, { name }: Peer): void {
    if (text === ASK) {
      const keys = Buffer.from([...this.#recent].join('\n'));
      if (name !== undefined) this.#context?.sendReliable(name, keys).catch(() => undefined);
      return;
    }
    // A key that is new here is broadcast once more, so that it reaches all.
    const isNew = (key: string): boolean => key !== '' && !this.#recent.has(key);
    for (const key of text.split('\n').filter(isNew)) this.invalidate(key);
  }
}
