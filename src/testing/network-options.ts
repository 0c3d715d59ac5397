/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What an in-memory network and its transports can be told to be, and what it tells.

import type { Clock } from '../core/ports.js';
import type { LinkOptions } from './links.js';
import type { Traffic } from './traffic.js';

/** What a `MemoryNetwork` is like. Latency is 0, the next turn, by default; all faults are too. */
export interface MemoryNetworkOptions extends LinkOptions {
  /** Decides faults and latencies; 0 by default. */
  readonly seed?: number | string | undefined;
  /**
   * Real time by default; the process is then kept alive while a transport is started, as by a
   * listening socket. With a clock of your own it is not.
   */
  readonly clock?: Clock | undefined;
}

/** What one transport of the network is like. */
export interface MemoryTransportOptions {
  /**
   * `'ip:port'`, or `'new'` for one that nobody has had. By default what a transport of this name
   * had before, or else the next of `10.0.0.1:7946`, `10.0.0.2:7946` …
   */
  readonly addr?: string | undefined;
  /** The clock of whoever uses it; the network's by default. */
  readonly clock?: Clock | undefined;
}

/** What becomes of a packet that was sent. */
export type PacketFate = 'carried' | 'lost' | 'cut';

/** Hears of everything that is sent, in the order of sending. */
export interface NetworkTap {
  packet(packet: Buffer, from: string, to: string, fate: PacketFate): void;
  stream(data: Buffer, from: string, to: string): void;
}

/** What was sent: in total, and by each transport's name. */
export interface NetworkStats extends Traffic {
  readonly byNode: Readonly<Record<string, Traffic>>;
}
