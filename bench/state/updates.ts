/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The updates whose spread is timed; bench/rust/src/updates.rs does the same.

/** An update that not all nodes know yet. */
interface Pending {
  readonly at: number;
  missing: number;
}

/** Which updates are known where. The values of all updates differ. */
export class Updates {
  readonly #pending = new Map<unknown, Pending>();
  #ms: number[] = [];
  #allSeen: (() => void) | undefined;

  /** How many updates are not known everywhere yet. */
  get missing(): number {
    return this.#pending.size;
  }

  /** An update is being made now, which `others` nodes must see. */
  begin(value: unknown, others: number): void {
    this.#pending.set(value, { at: performance.now(), missing: others });
  }

  /** A node has seen a value. */
  seen(value: unknown): void {
    const pending = this.#pending.get(value);
    if (pending === undefined || --pending.missing > 0) return;
    this.#ms.push(performance.now() - pending.at);
    this.#pending.delete(value);
    if (this.#pending.size === 0) this.#allSeen?.();
  }

  /** Resolves when every update is known everywhere, or after `capMs` milliseconds. */
  async allSeen(capMs: number): Promise<void> {
    if (this.#pending.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, capMs);
      this.#allSeen = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#allSeen = undefined;
  }

  /** The times until the updates were known everywhere, in milliseconds; forgets all updates. */
  take(): number[] {
    const ms = this.#ms;
    this.#ms = [];
    this.#pending.clear();
    return ms;
  }
}
