/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Tells the application what happened to members: at once, or coalesced.
import type { Clock } from '../index.js';
import { Coalescer, type CoalesceTimes } from './coalescer.js';
import type { MemberChange } from './members.js';
import type { SerfMember, SerfMemberEvent } from './serf.js';

type Change = readonly [type: MemberChange, member: SerfMember];

/** The events of members of one node. */
export class MemberEvents {
  readonly #deliver: (event: SerfMemberEvent) => void;
  readonly #coalescer: Coalescer<Change> | undefined;

  constructor(init: {
    clock: Clock;
    coalesce: CoalesceTimes | undefined;
    deliver: (event: SerfMemberEvent) => void;
  }) {
    const { clock, coalesce, deliver } = init;
    this.#deliver = deliver;
    this.#coalescer =
      coalesce &&
      new Coalescer(clock, { times: coalesce, deliver: (changes) => this.#tell(changes) });
  }

  /** A member changed. */
  changed(type: MemberChange, member: SerfMember): void {
    if (this.#coalescer === undefined) this.#deliver({ type, members: [member] });
    else this.#coalescer.add(member.name, [type, member]);
  }

  #tell(changes: readonly Change[]): void {
    const byType = new Map<MemberChange, SerfMember[]>();
    for (const [type, member] of changes) {
      const members = byType.get(type);
      if (members === undefined) byType.set(type, [member]);
      else members.push(member);
    }
    for (const [type, members] of byType) this.#deliver({ type, members });
  }
}
