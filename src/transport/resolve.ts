/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Seeds: their syntax, and their resolution to addresses.
import dns from 'node:dns';
import { Resolver as DnsResolver } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { type Address, ipFromBytes, ipToBytes, joinHostPort } from '../wire/address.js';
import { SharedLookups } from './shared-lookups.js';
import { nameServerLimits, SystemLookup, systemPorts } from './system-lookup.js';

/** A parsed seed. */
export interface Seed {
  /** The name of the node, if the seed has one. */
  readonly name?: string;
  /** A host name or an IP, without brackets. */
  readonly host: string;
  /** 1 to 65535. Ignored for SRV records, which have their own ports. */
  readonly port: number;
  /** Whether the host is a name with SRV records, each of which has a host and a port. */
  readonly isSrv?: true;
}

/** Resolves a host name to all its addresses, IPv4 and IPv6; rejects when there is none. The signal cancels it. */
export type Lookup = (
  hostname: string,
  signal: AbortSignal,
) => Promise<readonly { readonly address: string }[]>;

/** Resolves a name to its SRV records; rejects when there is none. The signal cancels it. */
export type SrvLookup = (
  name: string,
  signal: AbortSignal,
) => Promise<readonly { readonly name: string; readonly port: number }[]>;

/** The name lookups. There is at most one concurrent lookup for each name. */
export interface Resolver {
  /** Default: the hosts file, the name servers, then the other sources of the system (system-lookup.ts). */
  readonly lookup?: Lookup | undefined;
  /** Default: the name servers of the system. */
  readonly srv?: SrvLookup | undefined;
}

/** Options of {@link resolveSeed}. */
export interface ResolveSeedOptions extends Resolver {
  /** The port of seeds without a port. */
  readonly defaultPort: number;
  /** Cancels the lookups. */
  readonly signal?: AbortSignal | undefined;
}

const srvPrefix = 'srv+';
const forms =
  "'host', 'host:port', '[v6]:port' or 'v6', each optionally as 'nodeName/…', or 'srv+name'";

/**
 * Parses `host`, `host:port`, `[v6]:port`, `[v6]` or bare `v6`, each optionally with the prefix
 * `nodeName/` (the name ends at the first slash), and `srv+name`.
 *
 * @throws SeedSyntaxError that describes the mistake.
 */
export function parseSeed(seed: string, defaultPort: number): Seed {
  if (seed.startsWith(srvPrefix)) {
    const host = seed.slice(srvPrefix.length);
    if (isHostName(host)) return { host, port: defaultPort, isSrv: true };
    throw syntaxError(seed, `"${host}" is not the name of SRV records`);
  }
  const slash = seed.indexOf('/');
  if (slash === 0) throw syntaxError(seed, 'the node name before the slash is empty');
  const target = parseTarget(seed, seed.slice(slash + 1), defaultPort);
  return slash < 0 ? target : { name: seed.slice(0, slash), ...target };
}

/** The rule that a seed breaks, worded to follow "seeds"; undefined if the seed is valid. */
export function problemWithSeed(seed: unknown): string | undefined {
  if (typeof seed !== 'string') return `must be strings: ${forms}`;
  try {
    parseSeed(seed, 1);
    return undefined;
  } catch (error) {
    return `must be seeds: ${(error as Error).message}`;
  }
}

/**
 * Resolves a seed to all its addresses. An IP needs no lookup. A host name is resolved to all its A and
 * AAAA records, in the resolver's order and without duplicates; IPv4-mapped IPv6 addresses become
 * IPv4. For SRV records, their hosts are resolved as well; hosts without an address are skipped.
 *
 * @returns a promise that rejects when the seed is invalid or its name has no address.
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
  const ips = isIP(host) > 0 ? [host] : await lookUpHost(host, options);
  return ips.map((ip) => joinHostPort(plainText(ip), port));
}

async function srvAddrs(name: string, options: ResolveSeedOptions): Promise<string[]> {
  const { srv = lookUpSrv, signal } = options;
  const records = await shared(srv).lookUp(name, signal);
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
    if (!isIPv6(host)) throw syntaxError(seed, 'only an IPv6 address may be in brackets');
    return { host, port: parsePort(seed, port, defaultPort) };
  }
  const [host = '', port, ...more] = text.split(':');
  if (more.length > 0) {
    throw syntaxError(seed, 'it is not an IPv6 address; one with a port needs []');
  }
  if (host === '') throw syntaxError(seed, 'the host is empty');
  if (!isHostName(host)) throw syntaxError(seed, `"${host}" is not a host name`);
  return { host, port: parsePort(seed, port, defaultPort) };
}

function isHostName(text: string): boolean {
  return /^[^\s:/[\]@%]{1,253}$/.test(text);
}

function parsePort(seed: string, text: string | undefined, defaultPort: number): number {
  if (text === undefined) return defaultPort;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port >= 1 && port <= 0xffff) return port;
  throw syntaxError(seed, `the port must be a number from 1 to 65535, not "${text}"`);
}

/** A seed that cannot be parsed, independent of the network. */
export class SeedSyntaxError extends Error {}

function syntaxError(seed: string, why: string): SeedSyntaxError {
  return new SeedSyntaxError(`"${seed}" is not a seed: ${why} (${forms})`);
}

async function lookUpHost(
  host: string,
  { lookup = lookUpAll, signal }: ResolveSeedOptions,
): Promise<string[]> {
  const answers = await shared(lookup).lookUp(host, signal);
  if (answers.length === 0) throw new Error(`"${host}" has no address`);
  return answers.map(({ address }) => address);
}

const sharedLookups = new WeakMap<object, SharedLookups<unknown>>();

/** The pending lookups of one lookup function. */
function shared<T>(lookUpOne: (name: string, signal: AbortSignal) => Promise<T>): SharedLookups<T> {
  const known = sharedLookups.get(lookUpOne) as SharedLookups<T> | undefined;
  if (known !== undefined) return known;
  const created = new SharedLookups(lookUpOne);
  sharedLookups.set(lookUpOne, created);
  return created;
}

const system = new SystemLookup(systemPorts);

const lookUpAll: Lookup = async (hostname, signal) =>
  (await system.lookUp(hostname, signal)).map((address) => ({ address }));

async function lookUpSrv(...[name, signal]: Parameters<SrvLookup>): ReturnType<SrvLookup> {
  // A separate resolver, because it can be canceled. It uses the servers of `dns.setServers`, which replaces
  // functions of the module; a function imported by name would not be replaced.
  const resolver = new DnsResolver(nameServerLimits);
  resolver.setServers(dns.getServers());
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await resolver.resolveSrv(name);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** The canonical text of an IP, for the removal of duplicates; an IP with a zone is unchanged. */
function plainText(ip: string): string {
  const bytes = ipToBytes(ip);
  return (bytes && ipFromBytes(bytes)) ?? ip;
}
