/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The other members that run the bus, suspect ones included: a suspect member still belongs to the cluster and is owed
// every message.
import type { ExtensionContext, Node } from '../index.js';

/** What a change of the peers causes. */
export interface PeerChanges {
  joined(name: string): void;
  left(name: string, reason: 'left' | 'failed'): void;
}

/** The peers of one node. */
export class BusPeers {
  readonly #context: ExtensionContext;
  readonly #extension: string;
  readonly #changes: PeerChanges;
  /** By name: when this node listed it. */
  readonly #listedAt = new Map<string, number>();
  #names: readonly string[] | undefined;

  /** The node has no peers while extensions are attached. */
  constructor(context: ExtensionContext, extension: string, changes: PeerChanges) {
    this.#context = context;
    this.#extension = extension;
    this.#changes = changes;
    context.on('join', (node) => this.#present(node));
    context.on('update', (node) => this.#present(node));
    context.on('leave', (node, reason) => this.#remove(node.name, reason));
  }

  get size(): number {
    return this.#listedAt.size;
  }

  get names(): readonly string[] {
    return (this.#names ??= [...this.#listedAt.keys()]);
  }

  has(name: string): boolean {
    return this.#listedAt.has(name);
  }

  /** Clock time since which this node lists the peer; undefined if it does not. */
  listedAt(name: string): number | undefined {
    return this.#listedAt.get(name);
  }

  /** Up to `count` different peers, chosen at random. */
  sample(count: number, isExcluded: (name: string) => boolean = () => false): string[] {
    const { random } = this.#context;
    const names = [...this.names];
    const chosen: string[] = [];
    for (let end = names.length; end > 0 && chosen.length < count; end--) {
      const i = Math.floor(random.next() * end);
      const name = names[i] as string;
      names[i] = names[end - 1] as string;
      if (!isExcluded(name)) chosen.push(name);
    }
    return chosen;
  }

  #present(node: Node): void {
    if (node.name === this.#context.self.name) return;
    if (node.extensions[this.#extension] === undefined) return this.#remove(node.name, 'left');
    if (this.#listedAt.has(node.name)) return;
    this.#listedAt.set(node.name, this.#context.clock.now());
    this.#names = undefined;
    this.#changes.joined(node.name);
  }

  #remove(name: string, reason: 'left' | 'failed'): void {
    if (!this.#listedAt.delete(name)) return;
    this.#names = undefined;
    this.#changes.left(name, reason);
  }
}
