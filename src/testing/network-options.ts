/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The options of an in-memory network and its transports, and its statistics.

import type { Clock } from '../core/ports.js';
import type { LinkOptions } from './links.js';
import type { Traffic } from './traffic.js';

/** The options of a `MemoryNetwork`. By default the latency is 0 (the next turn), and there are no faults. */
export interface MemoryNetworkOptions extends LinkOptions {
  /** Determines faults and latencies; default: 0. */
  readonly seed?: number | string | undefined;
  /**
   * Default: real time, with which a started transport keeps the process alive, like a listening socket. With
   * another clock it does not.
   */
  readonly clock?: Clock | undefined;
}

/** The options of one transport. */
export interface MemoryTransportOptions {
  /**
   * `'ip:port'`, or `'new'` for an unused address. Default: the last address of a transport with this name,
   * or else the next of `10.0.0.1:7946`, `10.0.0.2:7946` …
   */
  readonly addr?: string | undefined;
  /** The clock of the node that uses it; default: the network's. */
  readonly clock?: Clock | undefined;
}

/** The outcome of sending a packet. */
export type PacketOutcome = 'carried' | 'lost' | 'cut';

/** Observes everything that is sent, in sending order. */
export interface NetworkTap {
  packet(packet: Buffer, from: string, to: string, outcome: PacketOutcome): void;
  stream(data: Buffer, from: string, to: string): void;
}

/** The traffic: in total, and by the name of the sending transport. */
export interface NetworkStats extends Traffic {
  readonly byNode: Readonly<Record<string, Traffic>>;
}

/** A tap that passes all traffic to two others. */
export function bothTaps(first: NetworkTap, second: NetworkTap): NetworkTap {
  return {
    packet: (packet, from, to, outcome) => {
      first.packet(packet, from, to, outcome);
      second.packet(packet, from, to, outcome);
    },
    stream: (data, from, to) => {
      first.stream(data, from, to);
      second.stream(data, from, to);
    },
  };
}
