/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a node saves for its next run: the members, and its own incarnation. A few KB of JSON; anything else is no
// snapshot.
import { ipToBytes, splitHostPort } from '../wire/address.js';
import { limits } from '../wire/limits.js';

const VERSION = 1;

/** A member. */
export interface SavedPeer {
  readonly name: string;
  /** `'ip:port'`. */
  readonly addr: string;
}

/** A snapshot. */
export interface Snapshot {
  /** The name of the node that saved it. */
  readonly name: string;
  readonly incarnation: number;
  readonly members: readonly SavedPeer[];
}

/** The text of a snapshot. If there are too many members, the first are saved. */
export function encodeSnapshot({ name, incarnation, members }: Snapshot): string {
  const kept = members
    .filter((member) => member.name.length <= limits.snapshotNameCharacters)
    .slice(0, limits.snapshotMembers)
    .map((member) => ({ name: member.name, addr: member.addr }));
  return `${JSON.stringify({ version: VERSION, name, incarnation, members: kept })}\n`;
}

/** @throws Error with the reason why the text is no snapshot */
export function decodeSnapshot(text: string): Snapshot {
  const found: unknown = JSON.parse(text);
  if (!isObject(found)) throw new Error('it is no object');
  const { version, name, incarnation, members } = found;
  if (version !== VERSION) throw new Error(`its version is ${String(version)}, not ${VERSION}`);
  if (typeof name !== 'string') throw new Error('it has no name');
  if (!Number.isInteger(incarnation) || !((incarnation as number) >>> 0 === incarnation)) {
    throw new Error('its incarnation is none');
  }
  if (!Array.isArray(members) || members.length > limits.snapshotMembers) {
    throw new Error('its members are no list, or too many');
  }
  return { name, incarnation: incarnation, members: members.map(peerFrom) };
}

function peerFrom(member: unknown): SavedPeer {
  if (!isObject(member)) throw new Error('a member is no object');
  const { name, addr } = member;
  const parts = typeof addr === 'string' ? splitHostPort(addr) : undefined;
  if (typeof name !== 'string' || parts === undefined || ipToBytes(parts.host) === undefined) {
    throw new Error('a member has no name, or no address');
  }
  return { name, addr: addr as string };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
