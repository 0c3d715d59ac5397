/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which members an extension can send to: those that are not gone and announce it.
import type { Member, Node } from '../core/member.js';
import { ProtocolError } from '../errors.js';
import type { Address } from '../wire/address.js';

/** The addresses of those members that an extension can send to. */
export function receiversIn(
  table: { get(name: string): Member | undefined },
  extension: string,
  to: Iterable<Node | string>,
): Address[] {
  const receivers: Address[] = [];
  for (const each of to) {
    const member = receiverIn(table, extension, each);
    if (member !== undefined) receivers.push(member.destination);
  }
  return receivers;
}

function receiverIn(
  table: { get(name: string): Member | undefined },
  extension: string,
  to: Node | string,
): Member | undefined {
  const name = nameOf(to);
  const member = name === undefined ? undefined : table.get(name);
  return member?.isGone === false && member.announces(extension) ? member : undefined;
}

/** @throws ProtocolError when an extension cannot send to it */
export function mustReceive(
  table: { get(name: string): Member | undefined },
  extension: string,
  to: Node | string,
): Member {
  const member = receiverIn(table, extension, to);
  if (member !== undefined) return member;
  const name = nameOf(to) ?? 'the argument';
  throw new ProtocolError(`${name} is no member with the extension ${extension}`);
}

function nameOf(to: unknown): string | undefined {
  return typeof to === 'string' ? to : (to as Partial<Node> | null | undefined)?.name;
}
