/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The memory that all streams of a node may hold together (`limits.heldBytes`), shared out by source. It is reserved
// before it is allocated, on both sides: for what others send, and for what is sent to them until they read it.
import { limits } from '../wire/limits.js';
import type { Memory } from '../wire/memory.js';
import { FairShare } from './fair-share.js';

/**
 * How much less a stream that we opened counts, when a source must give way. A peer cannot make us open many, and
 * without what they bring this node learns nothing.
 */
const DIALLED_WEIGHT = 1 / 64;

/** A stream needed more memory than was available. */
export class MemoryShortage extends Error {
  constructor(because: string) {
    super(`too many bytes in streams at once; ${because}`);
  }
}

/** The memory of one stream. */
export interface StreamShare extends Memory {
  /** Returns all of it; later reservations fail. Idempotent. */
  leave(): void;
}

/** What a stream with a share must know of itself. */
export interface ShareOptions {
  /** Where it comes from, or leads to: see `sourceOf`. */
  readonly source: string;
  /** Whether this node opened the stream. */
  readonly isDialled: boolean;
  /** Called when others need the memory more: the stream must end, and drop what it holds, at once. */
  readonly evict: (reason: MemoryShortage) => void;
}

/** The memory of all streams of a node. */
export class StreamMemory {
  readonly #bytes: FairShare;

  /** @param init.total - bytes that there are */
  constructor({ total = limits.heldBytes }: { total?: number } = {}) {
    // One source may have all, for it gives way to others when there is no more.
    this.#bytes = new FairShare({ total, perSource: total });
  }

  /** Bytes that are reserved. */
  get used(): number {
    return this.#bytes.used;
  }

  /** A share with nothing in it yet. Its `reserve` throws {@link MemoryShortage}. */
  enter({ source, isDialled, evict }: ShareOptions): StreamShare {
    const share = this.#bytes.enter(
      isDialled ? `to ${source}` : source,
      () => evict(new MemoryShortage('this source had most')),
      isDialled ? DIALLED_WEIGHT : 1,
    );
    return {
      reserve: (bytes) => {
        if (!share.take(bytes)) throw new MemoryShortage(`no room for ${bytes} more`);
      },
      release: (bytes) => share.give(bytes),
      leave: () => share.leave(),
    };
  }
}
