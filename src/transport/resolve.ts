/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Seeds: what a user may write for a node to join through, and the addresses that it stands for.

import dns from 'node:dns';
import { Resolver as DnsResolver } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { type Address, ipFromBytes, ipToBytes, joinHostPort } from '../wire/address.js';
import { SharedLookups } from './shared-lookups.js';
import { nameServerPatience, SystemLookup, systemPorts } from './system-lookup.js';

/** A seed, taken apart. */
export interface Seed {
  /** The name of the node, where the seed says it. */
  readonly name?: string;
  /** A host name or an IP, without brackets. */
  readonly host: string;
  /** 1 to 65535. Of no meaning for SRV records, which have their own. */
  readonly port: number;
  /** The host is the name of SRV records, each of which names a host and a port. */
  readonly isSrv?: true;
}

/** Every address of a host name, IPv4 and IPv6; rejects when there is none. The signal gives up. */
export type Lookup = (
  hostname: string,
  signal: AbortSignal,
) => Promise<readonly { readonly address: string }[]>;

/** The SRV records of a name; rejects when there is none. The signal gives up. */
export type SrvLookup = (
  name: string,
  signal: AbortSignal,
) => Promise<readonly { readonly name: string; readonly port: number }[]>;

/** Looks names up. Of each name there is one look-up at a time. */
export interface Resolver {
  /** By default the hosts file, the name servers, and what else the system asks (system-lookup.ts). */
  readonly lookup?: Lookup | undefined;
  /** The name servers of the system by default. */
  readonly srv?: SrvLookup | undefined;
}

/** How a seed is resolved. */
export interface ResolveSeedOptions extends Resolver {
  /** The port of seeds that name none. */
  readonly defaultPort: number;
  /** Gives up looking names up. */
  readonly signal?: AbortSignal | undefined;
}

const srvPrefix = 'srv+';
const forms =
  "'host', 'host:port', '[v6]:port' or 'v6', each optionally as 'nodeName/…', or 'srv+name'";

/**
 * Takes `host`, `host:port`, `[v6]:port`, `[v6]` or bare `v6` apart, each optionally as
 * `nodeName/…` (the name ends at the first slash), and `srv+name`.
 *
 * @throws Error that says what is wrong with the seed.
 */
export function parseSeed(seed: string, defaultPort: number): Seed {
  if (seed.startsWith(srvPrefix)) {
    const host = seed.slice(srvPrefix.length);
    if (isHostName(host)) return { host, port: defaultPort, isSrv: true };
    throw nonsense(seed, `"${host}" is not the name of SRV records`);
  }
  const slash = seed.indexOf('/');
  if (slash === 0) throw nonsense(seed, 'the node name before the slash is empty');
  const target = parseTarget(seed, seed.slice(slash + 1), defaultPort);
  return slash < 0 ? target : { name: seed.slice(0, slash), ...target };
}

/** What is wrong with a seed, in words that follow "seeds"; undefined when nothing is. */
export function problemWithSeed(seed: unknown): string | undefined {
  if (typeof seed !== 'string') return `must be texts: ${forms}`;
  try {
    parseSeed(seed, 1);
    return undefined;
  } catch (error) {
    return `must be seeds: ${(error as Error).message}`;
  }
}

/**
 * Every address that a seed stands for: an IP is its own, a name is looked up (A and AAAA, all
 * answers, in the resolver's order, without duplicates; IPv4 mapped into IPv6 is IPv4). SRV records
 * are looked up first, then the hosts that they name; those that have no address are passed over.
 *
 * @returns a promise that rejects when the seed is nonsense or its name has no address.
 */
export async function resolveSeed(seed: string, options: ResolveSeedOptions): Promise<Address[]> {
  const { name, host, port, isSrv } = parseSeed(seed, options.defaultPort);
  const addrs = new Set(
    isSrv === true ? await srvAddrs(host, options) : await hostAddrs(host, port, options),
  );
  return Array.from(addrs, (addr) => (name === undefined ? { addr } : { addr, name }));
}

async function hostAddrs(
  host: string,
  port: number,
  options: ResolveSeedOptions,
): Promise<string[]> {
  const ips = isIP(host) > 0 ? [host] : await lookUp(host, options);
  return ips.map((ip) => joinHostPort(plainText(ip), port));
}

async function srvAddrs(name: string, options: ResolveSeedOptions): Promise<string[]> {
  const { srv = lookUpSrv, signal } = options;
  const records = await shared(srv).ask(name, signal);
  if (records.length === 0) throw new Error(`"${name}" has no SRV records`);
  const found = await Promise.allSettled(
    records.map((record) => hostAddrs(record.name, record.port, options)),
  );
  const addrs = found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  const [failed] = found.filter((each) => each.status === 'rejected');
  if (addrs.length === 0 && failed !== undefined) throw failed.reason;
  return addrs;
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
  if (!isHostName(host)) throw nonsense(seed, `"${host}" is not a host name`);
  return { host, port: parsePort(seed, port, defaultPort) };
}

function isHostName(text: string): boolean {
  return /^[^\s:/[\]@%]{1,253}$/.test(text);
}

function parsePort(seed: string, text: string | undefined, defaultPort: number): number {
  if (text === undefined) return defaultPort;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port >= 1 && port <= 0xffff) return port;
  throw nonsense(seed, `the port must be a number from 1 to 65535, not "${text}"`);
}

/** What was given is not a seed at all, whatever the network says. */
export class SeedSyntaxError extends Error {}

function nonsense(seed: string, why: string): SeedSyntaxError {
  return new SeedSyntaxError(`"${seed}" is not a seed: ${why} (${forms})`);
}

async function lookUp(
  host: string,
  { lookup = lookUpAll, signal }: ResolveSeedOptions,
): Promise<string[]> {
  const answers = await shared(lookup).ask(host, signal);
  if (answers.length === 0) throw new Error(`"${host}" has no address`);
  return answers.map(({ address }) => address);
}

const sharedLookups = new WeakMap<object, SharedLookups<unknown>>();

/** The look-ups under way of one function that looks up. */
function shared<T>(lookUpOne: (name: string, signal: AbortSignal) => Promise<T>): SharedLookups<T> {
  const known = sharedLookups.get(lookUpOne) as SharedLookups<T> | undefined;
  if (known !== undefined) return known;
  const made = new SharedLookups(lookUpOne);
  sharedLookups.set(lookUpOne, made);
  return made;
}

const system = new SystemLookup(systemPorts);

const lookUpAll: Lookup = async (hostname, signal) =>
  (await system.lookUp(hostname, signal)).map((address) => ({ address }));

async function lookUpSrv(...[name, signal]: Parameters<SrvLookup>): ReturnType<SrvLookup> {
  // One of its own, which can be stopped; it asks those whom `dns.setServers` names. (That puts another
  // function in the module's place, which a name that was imported does not see.)
  const resolver = new DnsResolver(nameServerPatience);
  resolver.setServers(dns.getServers());
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await resolver.resolveSrv(name);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** One text for each IP, so that duplicates show; one with a zone stays as it is. */
function plainText(ip: string): string {
  const bytes = ipToBytes(ip);
  return (bytes && ipFromBytes(bytes)) ?? ip;
}
