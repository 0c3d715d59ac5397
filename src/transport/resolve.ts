/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Seeds: what a user may write for a node to join through, and the addresses that it stands for.

import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { type Address, ipFromBytes, ipToBytes, joinHostPort } from '../wire/address.js';

/** A seed, taken apart. */
export interface Seed {
  /** The name of the node, where the seed says it. */
  readonly name?: string;
  /** A host name or an IP, without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Every address of a host name, IPv4 and IPv6; rejects when there is none. */
export type Lookup = (hostname: string) => Promise<readonly { readonly address: string }[]>;

/** How a seed is resolved. */
export interface ResolveSeedOptions {
  /** The port of seeds that name none. */
  readonly defaultPort: number;
  /** Looks names up; the system's resolver (`getaddrinfo`, so also /etc/hosts) by default. */
  readonly lookup?: Lookup | undefined;
}

const forms = "'host', 'host:port', '[v6]:port' or 'v6', each optionally as 'nodeName/…'";

/**
 * Takes `host`, `host:port`, `[v6]:port`, `[v6]` or bare `v6` apart, each optionally as
 * `nodeName/…` (the name ends at the first slash).
 *
 * @throws Error that says what is wrong with the seed.
 */
export function parseSeed(seed: string, defaultPort: number): Seed {
  const slash = seed.indexOf('/');
  if (slash === 0) throw nonsense(seed, 'the node name before the slash is empty');
  const target = parseTarget(seed, seed.slice(slash + 1), defaultPort);
  return slash < 0 ? target : { name: seed.slice(0, slash), ...target };
}

/**
 * Every address that a seed stands for: an IP is its own, a name is looked up (A and AAAA, all
 * answers, in the resolver's order, without duplicates; IPv4 mapped into IPv6 is IPv4).
 *
 * @returns a promise that rejects when the seed is nonsense or its name has no address.
 */
export async function resolveSeed(seed: string, options: ResolveSeedOptions): Promise<Address[]> {
  const { name, host, port } = parseSeed(seed, options.defaultPort);
  const ips = isIP(host) > 0 ? [host] : await lookUp(host, options.lookup);
  const addrs = new Set(ips.map((ip) => joinHostPort(plainText(ip), port)));
  return Array.from(addrs, (addr) => (name === undefined ? { addr } : { addr, name }));
}

function parseTarget(seed: string, text: string, defaultPort: number): Seed {
  if (isIP(text) > 0) return { host: text, port: defaultPort };
  if (text.startsWith('[')) {
    const [, host = '', port] = /^\[(.*)\](?::(.*))?$/.exec(text) ?? [];
    if (!isIPv6(host)) throw nonsense(seed, 'only an IPv6 address may be in brackets');
    return { host, port: parsePort(seed, port, defaultPort) };
  }
  const [host = '', port, ...more] = text.split(':');
  if (more.length > 0) throw nonsense(seed, 'it is not an IPv6 address; with a port that needs []');
  if (host === '') throw nonsense(seed, 'the host is empty');
  if (!/^[^\s/[\]@%]{1,253}$/.test(host)) throw nonsense(seed, `"${host}" is not a host name`);
  return { host, port: parsePort(seed, port, defaultPort) };
}

function parsePort(seed: string, text: string | undefined, defaultPort: number): number {
  if (text === undefined) return defaultPort;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port >= 1 && port <= 0xffff) return port;
  throw nonsense(seed, `the port must be a number from 1 to 65535, not "${text}"`);
}

function nonsense(seed: string, why: string): Error {
  return new Error(`"${seed}" is not a seed: ${why} (${forms})`);
}

async function lookUp(host: string, lookup: Lookup = lookUpAll): Promise<string[]> {
  const answers = await lookup(host);
  if (answers.length === 0) throw new Error(`"${host}" has no address`);
  return answers.map(({ address }) => address);
}

function lookUpAll(hostname: string): ReturnType<Lookup> {
  return systemLookup(hostname, { all: true });
}

/** One text for each IP, so that duplicates show; one with a zone stays as it is. */
function plainText(ip: string): string {
  const bytes = ipToBytes(ip);
  return (bytes && ipFromBytes(bytes)) ?? ip;
}
