/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// File descriptors. A process that has none left accepts no connection, and libuv closes those that wait without a
// word. So the streams of others take only a part of what the system allows, and none of the last few.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** Where the limit is not known: what is usual where it is low. */
const usualLimit = 1024;
/** What a process has open anyway: standard streams, the event loop, sockets that listen. */
const ownDescriptors = 32;
/** Kept free for streams that we open, and for the rest of the process. */
const mostReserved = 16;

/**
 * The most files that this process may have open (the soft `RLIMIT_NOFILE`); undefined where it cannot be read
 * cheaply, which is everywhere but on Linux.
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

/** How many streams of others a node takes at once; infinity where descriptors are not scarce. */
export function mostStreams(limit: number | undefined, platform: string): number {
  if (limit === undefined && platform === 'win32') return Infinity;
  return Math.max(4, Math.floor(((limit ?? usualLimit) - ownDescriptors) / 2));
}

/** Whether a descriptor is so near to the limit that nothing may keep it which others asked for. */
export function isAmongTheLast(descriptor: number, limit: number): boolean {
  return descriptor >= limit - Math.min(mostReserved, Math.floor(limit / 8));
}

/** The descriptor of a socket; undefined where the system has none. The lowest that is free is always given. */
export function descriptorOf(socket: Socket): number | undefined {
  const handle = (socket as Socket & { readonly _handle?: { readonly fd?: unknown } | null })
    ._handle;
  const descriptor = handle?.fd;
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined;
}
