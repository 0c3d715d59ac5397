/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The maximum length of a name. Go memberlist has no bound: a member with a name of 1 MB can neither be pinged nor
// gossiped about, but every push/pull contains it. The bound follows from the packet size: a ping with two such names
// must fit. Claims with two names are shorter than a ping.
import { limits } from '../wire/limits.js';
import { encodeMessage } from '../wire/message-codec.js';
import { MessageType } from '../wire/message-type.js';
import type { Message } from '../wire/messages.js';
import { textByteLength } from '../wire/text.js';

/** Shorter names have a shorter header. */
const longName = 'n'.repeat(32);
/** Bytes of a ping without its two names, with the longest source address and numbers. */
const pingBytes =
  encodeMessage({
    type: MessageType.ping,
    seqNo: 0xffffffff,
    node: longName,
    sourceAddr: Buffer.alloc(16),
    sourcePort: 0xffff,
    sourceNode: longName,
  }).length -
  2 * longName.length;
/** Maximum UTF-8 bytes of one UTF-16 unit. */
const bytesPerUnit = 3;
const shownCharacters = 40;

/** Decides which names are short enough. */
export class NameBound {
  /** Bytes of the longest allowed name. */
  readonly longest: number;

  /** @param budget - bytes of messages that fit into one of our packets */
  constructor(budget: number) {
    this.longest = Math.max(limits.nameBytes, Math.floor((budget - pingBytes) / 2));
  }

  /** Whether a name is short enough. */
  allows(name: string): boolean {
    const { length } = name;
    if (length * bytesPerUnit <= this.longest) return true;
    return length <= this.longest && textByteLength(name) <= this.longest;
  }

  /** The first name in a message that is too long; undefined if there is none. */
  excessIn(message: Message): string | undefined {
    switch (message.type) {
      case MessageType.alive:
        return this.#excess(message.node);
      case MessageType.suspect:
      case MessageType.dead:
        return this.#excess(message.node) ?? this.#excess(message.from);
      case MessageType.ping:
      case MessageType.indirectPing:
        return this.#excess(message.node) ?? this.#excess(message.sourceNode);
      default:
        return undefined;
    }
  }

  /** Describes a name that is too long, for the log. */
  describe(name: string): string {
    const bytes = textByteLength(name);
    return `the name ${shortened(name)} has ${bytes} bytes; at most ${this.longest} are allowed`;
  }

  #excess(name: string): string | undefined {
    return this.allows(name) ? undefined : name;
  }
}

/** The beginning of a name that is too long. */
export function shortened(name: string): string {
  return `${name.slice(0, shownCharacters)}…`;
}
