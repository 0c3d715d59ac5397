/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A small service: who offers what, as the members say in their metadata.

import { Memberlist, type MemberlistConfig } from 'node-memberlist';

/** A directory of what the members of a cluster offer. */
export class Directory {
  readonly list: Memberlist;

  private constructor(list: Memberlist) {
    this.list = list;
  }

  /** Starts a node that offers these. */
  static async start(offers: readonly string[], config: MemberlistConfig): Promise<Directory> {
    const delegate = { nodeMeta: () => Buffer.from(offers.join(' ')) };
    return new Directory(await Memberlist.create({ ...config, delegate }));
  }

  /** The names of those who offer something, in order. */
  whoOffers(what: string): string[] {
    const members = this.list.members();
    const able = members.filter(({ meta }) => meta.toString().split(' ').includes(what));
    return able.map(({ name }) => name).sort();
  }

  /** Says goodbye and ends. */
  async stop(): Promise<void> {
    await this.list.leave();
    await this.list.shutdown();
  }
}
