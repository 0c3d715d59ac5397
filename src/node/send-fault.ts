/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What an error of the system's says of a send that failed. It is told by its code: errors may come from another
// realm, or from a transport of the user's, so neither their class nor their text counts.
import type { SendFault } from '../core/ports.js';

const faultsByCode: ReadonlyMap<unknown, SendFault> = new Map<unknown, SendFault>([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'refused'],
  ['EHOSTDOWN', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EMFILE', 'resources'],
  ['ENFILE', 'resources'],
  ['ENOBUFS', 'resources'],
  ['ENOMEM', 'resources'],
  ['EBADF', 'socket'],
  ['ERR_MEMBERLIST_SHUTDOWN', 'socket'],
  ['ERR_SOCKET_DGRAM_NOT_RUNNING', 'socket'],
]);

/** What a failed send says. With any other error, or none of the system's, it is the address that cannot be sent to. */
export function sendFaultOf(thrown: unknown): SendFault {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code;
  return faultsByCode.get(code) ?? 'address';
}
