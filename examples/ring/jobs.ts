/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a service with several instances often needs: a cache whose keys are spread over the instances, a common rate limit,
// and one job that runs on one instance.
import type { Memberlist } from 'node-memberlist';
import {
  createRing,
  runSingleton,
  share,
  type Ring,
  type Share,
  type Singleton,
} from 'node-memberlist/ring';

/** One instance of the service. */
export class Instance {
  readonly name: string;
  readonly ring: Ring;
  readonly limit: Share;
  readonly mailer: Singleton;
  readonly #cached = new Set<string>();

  /** @param keys - what the instances cache */
  constructor(list: Memberlist, keys: readonly string[]) {
    this.name = list.config.name;
    this.ring = createRing(list);
    const watch = this.ring.watch(keys);
    for (const key of watch.held) this.#cached.add(String(key));
    this.ring.on('moved', ({ gained, lost }) => {
      for (const key of lost) this.#cached.delete(String(key));
      for (const key of gained) this.#cached.add(String(key));
    });
    this.limit = share(list, { total: 100 });
    this.mailer = runSingleton(list, 'mailer', (signal) => sendMails(signal), { minMembers: 2 });
  }

  /** The keys that this instance caches. */
  get cached(): string[] {
    return [...this.#cached].sort();
  }
}

/** A job that runs until it is aborted. */
async function sendMails(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
