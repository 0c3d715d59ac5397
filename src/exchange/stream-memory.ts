/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The memory of all streams of a node together (`limits.heldBytes`), shared by source. It is reserved before it is
// allocated, for received data and for sent data until the peer has read it.
import { limits } from '../wire/limits.js';
import type { Memory } from '../wire/memory.js';
import { FairShare } from './fair-share.js';

/**
 * The weight of an outbound stream when a source must give way. A peer cannot make this node open many streams, and
 * without their data this node learns nothing.
 */
const OUTBOUND_WEIGHT = 1 / 64;

/** A stream needed more memory than was available. */
export class MemoryShortage extends Error {
  constructor(reason: string) {
    super(`too many bytes in streams at once; ${reason}`);
  }
}

/** The memory of one stream. */
export interface StreamShare extends Memory {
  /** Releases all memory; later reservations fail. Idempotent. */
  close(): void;
}

/** The properties of a stream that needs memory. */
export interface ShareOptions {
  /** The source of the peer: see `sourceOf`. */
  readonly source: string;
  /** Whether this node opened the stream. */
  readonly isOutbound: boolean;
  /** Called when other sources need the memory: the stream must end at once and release its memory. */
  readonly evict: (reason: MemoryShortage) => void;
}

/** The memory of all streams of a node. */
export class StreamMemory {
  readonly #bytes: FairShare;

  /** @param init.total - the available bytes */
  constructor({ total = limits.heldBytes }: { total?: number } = {}) {
    // One source may use everything, because it gives way to other sources when nothing is left.
    this.#bytes = new FairShare({ total, perSource: total });
  }

  /** The reserved bytes. */
  get used(): number {
    return this.#bytes.used;
  }

  /** Opens an empty share. Its `reserve` throws {@link MemoryShortage}. */
  open({ source, isOutbound, evict }: ShareOptions): StreamShare {
    const share = this.#bytes.open(
      isOutbound ? `to ${source}` : source,
      () => evict(new MemoryShortage('this source had most')),
      isOutbound ? OUTBOUND_WEIGHT : 1,
    );
    return {
      reserve: (bytes) => {
        if (!share.acquire(bytes)) throw new MemoryShortage(`no room for ${bytes} more`);
      },
      release: (bytes) => share.release(bytes),
      close: () => share.close(),
    };
  }
}
