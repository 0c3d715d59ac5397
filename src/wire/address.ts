/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Addresses as bytes (on the wire) and as text (for people and sockets). Pure: no look-ups here. An IPv4 address may
// be sent in 4 bytes or, mapped into IPv6 (::ffff:a.b.c.d), in 16. Both are the same address here and have the same
// text; the received bytes are still relayed unchanged (wire protocol, 2).

import { Buffer } from 'node:buffer';

/** The destination of a packet or a stream: an IP and port, and the node's name if known. */
export interface Address {
  /** `'ip:port'`, or `'[v6]:port'`. Never a host name. */
  readonly addr: string;
  /** The name of the node at this address, if known. */
  readonly name?: string | undefined;
}

const ipv4Length = 4;
const ipv6Length = 16;
const mappedPrefixLength = 12;
const groupCount = 8;

const octet = /^(?:0|[1-9]\d{0,2})$/;
const hexGroup = /^[\da-f]{1,4}$/i;
const portDigits = /^(?:0|[1-9]\d{0,4})$/;
const hostLabel = /^[\w-]{1,63}$/;
const allDigits = /^\d+$/;

/**
 * The text of an IP: dotted for 4 bytes and for an IPv4 address mapped into 16, otherwise as in RFC 5952 (lower case,
 * the longest run of two or more zero groups, or the first of equally long ones, as `::`).
 *
 * @returns undefined unless there are 4 or 16 bytes.
 */
export function ipFromBytes(bytes: Uint8Array): string | undefined {
  if (bytes.length === ipv4Length) return dotted(bytes, 0);
  if (bytes.length !== ipv6Length) return undefined;
  return isMapped(bytes) ? dotted(bytes, mappedPrefixLength) : colonHex(bytes);
}

/**
 * The bytes of an IP's text: 4 for IPv4 and for IPv4 mapped into IPv6, otherwise 16. Accepts any IPv6 text (RFC
 * 4291), but no zone id and no octet with a leading zero.
 *
 * @returns undefined if `text` is not an IP.
 */
export function ipToBytes(text: string): Buffer | undefined {
  if (!text.includes(':')) {
    const octets = parseOctets(text);
    return octets && Buffer.from(octets);
  }
  const groups = parseGroups(text);
  if (groups === undefined) return undefined;
  const bytes = Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
  return isMapped(bytes) ? bytes.subarray(mappedPrefixLength) : bytes;
}

/**
 * Whether both are the same IP, in 4 bytes or mapped into 16. As with Go's `net.IP.Equal`, bytes that are not an IP
 * are equal to themselves.
 */
export function isSameIp(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length === ipv4Length && b.length === ipv4Length) {
    return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
  }
  const startOfA = isMapped(a) ? mappedPrefixLength : 0;
  const startOfB = isMapped(b) ? mappedPrefixLength : 0;
  const length = a.length - startOfA;
  if (length !== b.length - startOfB) return false;
  for (let i = 0; i < length; i++) {
    if (a[startOfA + i] !== b[startOfB + i]) return false;
  }
  return true;
}

/** `'ip:port'`, or `'[v6]:port'`. */
export function joinHostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/**
 * Splits `'a.b.c.d:port'`, `'[v6]:port'` or `'hostname:port'`. Strict: the port is required (0 to 65535, decimal, no
 * leading zeros), IPv6 must be in brackets and nothing else may be; a host name consists of ASCII labels of letters,
 * digits, `-` and `_`, and the last label is not a number.
 *
 * @returns the host as written, without brackets; undefined if `address` has none of these forms.
 */
export function splitHostPort(address: string): { host: string; port: number } | undefined {
  const colon = address.lastIndexOf(':');
  if (colon < 0) return undefined;
  const digits = address.slice(colon + 1);
  const port = Number(digits);
  if (!portDigits.test(digits) || port > 0xffff) return undefined;

  const written = address.slice(0, colon);
  if (written.startsWith('[') && written.endsWith(']')) {
    const host = written.slice(1, -1);
    return parseGroups(host) && { host, port };
  }
  return parseOctets(written) || isHostName(written) ? { host: written, port } : undefined;
}

function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== ipv6Length || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) {
    if (bytes[i] !== 0) return false;
  }
  return true;
}

function dotted(bytes: Uint8Array, at: number): string {
  return `${bytes[at] ?? 0}.${bytes[at + 1] ?? 0}.${bytes[at + 2] ?? 0}.${bytes[at + 3] ?? 0}`;
}

function colonHex(bytes: Uint8Array): string {
  const groups: number[] = [];
  let longestStart = 0;
  let longest = 1;
  let run = 0;
  for (let i = 0; i < groupCount; i++) {
    const group = ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0);
    groups.push(group);
    run = group === 0 ? run + 1 : 0;
    if (run > longest) {
      longest = run;
      longestStart = i + 1 - run;
    }
  }
  if (longest < 2) return hexGroups(groups);
  return `${hexGroups(groups.slice(0, longestStart))}::${hexGroups(groups.slice(longestStart + longest))}`;
}

function hexGroups(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

/** The four octets of dotted IPv4 text. */
function parseOctets(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== ipv4Length) return undefined;
  const octets = parts.map((part) => (octet.test(part) ? Number(part) : Infinity));
  return octets.every((value) => value <= 0xff) ? octets : undefined;
}

/** The eight groups of IPv6 text. */
function parseGroups(text: string): number[] | undefined {
  const [before = '', after, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  if (after === undefined) {
    const groups = parseGroupList(before, true);
    return groups?.length === groupCount ? groups : undefined;
  }
  const head = before === '' ? [] : parseGroupList(before, false);
  const tail = after === '' ? [] : parseGroupList(after, true);
  if (head === undefined || tail === undefined) return undefined;
  const zeros = groupCount - head.length - tail.length;
  return zeros < 1 ? undefined : [...head, ...new Array<number>(zeros).fill(0), ...tail];
}

/** Groups between colons; the last may be dotted IPv4, which counts as two groups, at the end of the address. */
function parseGroupList(text: string, mayEndDotted: boolean): number[] | undefined {
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (hexGroup.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const octets = mayEndDotted && i === parts.length - 1 ? parseOctets(part) : undefined;
    if (octets === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = octets;
    groups.push((a << 8) | b, (c << 8) | d);
  }
  return groups;
}

function isHostName(text: string): boolean {
  if (text.length > 253) return false;
  const labels = (text.endsWith('.') ? text.slice(0, -1) : text).split('.');
  return labels.every((label) => hostLabel.test(label)) && !allDigits.test(labels.at(-1) ?? '');
}
