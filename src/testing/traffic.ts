/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How much was sent.

/** What was sent, by one transport or by all. What was lost, or had nobody to read it, counts too. */
export interface Traffic {
  /** Packets. */
  readonly packets: number;
  /** Bytes in those packets, without the headers of IP and UDP. */
  readonly packetBytes: number;
  /** Streams that were opened, or at least tried to be. */
  readonly streams: number;
  /** Bytes that were written to streams, whoever had opened them. */
  readonly streamBytes: number;
}

/** A running count. */
export class TrafficCount implements Traffic {
  packets = 0;
  packetBytes = 0;
  streams = 0;
  streamBytes = 0;

  /** The count as it is now. */
  snapshot(): Traffic {
    const { packets, packetBytes, streams, streamBytes } = this;
    return { packets, packetBytes, streams, streamBytes };
  }
}
