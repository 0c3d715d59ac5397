/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// File descriptors. A process without free descriptors accepts no connection, and libuv silently closes the pending
// ones. Therefore inbound streams may use only a part of the limit, and none of the last descriptors.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** The assumed limit where it is unknown: a common low default. */
const assumedLimit = 1024;
/** Descriptors that a process always has open: standard streams, the event loop, listening sockets. */
const baseDescriptors = 32;
/** Descriptors reserved for outbound streams and for the rest of the process. */
const maxReserved = 16;

/**
 * The maximum number of open files of this process (the soft `RLIMIT_NOFILE`); undefined where it cannot be read
 * cheaply, which is the case on all systems except Linux.
 */
export function descriptorLimit(
  read = (): string => readFileSync('/proc/self/limits', 'latin1'),
): number | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(read())?.[1];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}

/** The maximum number of concurrent inbound streams; `Infinity` where descriptors are not scarce. */
export function maxInboundStreams(limit: number | undefined, platform: string): number {
  if (limit === undefined && platform === 'win32') return Infinity;
  return Math.max(4, Math.floor(((limit ?? assumedLimit) - baseDescriptors) / 2));
}

/** Whether a descriptor is so close to the limit that an inbound stream must not use it. */
export function isReservedDescriptor(descriptor: number, limit: number): boolean {
  return descriptor >= limit - Math.min(maxReserved, Math.floor(limit / 8));
}

/** The descriptor of a socket; undefined on systems without descriptors. The system assigns the lowest free one. */
export function descriptorOf(socket: Socket): number | undefined {
  const handle = (socket as Socket & { readonly _handle?: { readonly fd?: unknown } | null })
    ._handle;
  const descriptor = handle?.fd;
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined;
}
