/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A small service directory: members announce in their metadata what they offer.

import { Memberlist, type MemberlistConfig } from 'node-memberlist';

/** What the members of a cluster offer. */
export class Directory {
  readonly list: Memberlist;

  private constructor(list: Memberlist) {
    this.list = list;
  }

  /** Starts a node that announces these offers. */
  static async start(offers: readonly string[], config: MemberlistConfig): Promise<Directory> {
    const delegate = { nodeMeta: () => Buffer.from(offers.join(' ')) };
    return new Directory(await Memberlist.create({ ...config, delegate }));
  }

  /** The sorted names of the members that offer a service. */
  membersOffering(service: string): string[] {
    const members = this.list.members();
    const offering = members.filter(({ meta }) => meta.toString().split(' ').includes(service));
    return offering.map(({ name }) => name).sort();
  }

  /** Leaves the cluster, and shuts down. */
  async stop(): Promise<void> {
    await this.list.leave();
    await this.list.shutdown();
  }
}
