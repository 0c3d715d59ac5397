/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Classifies the system's error of a failed send by its code: errors may come from another realm or a custom transport,
// so neither their class nor their text is reliable.
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

/** The cause of a failed send. Any other error counts as an address that cannot be sent to. */
export function sendFaultOf(thrown: unknown): SendFault {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code;
  return faultsByCode.get(code) ?? 'address';
}
