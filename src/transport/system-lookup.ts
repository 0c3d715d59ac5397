/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Host names, as this machine knows them: its hosts file, then its name servers with its search domains, then
// whatever else `getaddrinfo` asks (mDNS, NIS, the machine's own name). The first two are done here and not by
// `getaddrinfo`, which cannot be cancelled and occupies a thread of libuv's pool: with name servers that do
// not answer, it blocks the look-ups of the whole process, and keeps it from ending. It is asked only when
// the name servers have answered that they do not know the name, and by one thread at a time.
import { Resolver as DnsResolver, lookup as getaddrinfo } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock, Timer } from '../core/ports.js';
import { systemClock } from '../runtime/system-clock.js';
import { unless } from './shared-lookups.js';

/** How long a name server has for an answer, and how often all of them are asked. */
export const nameServerPatience = { timeout: 2_000, tries: 2 } as const;
/** How much longer the second family may take once the other one has an address, in milliseconds. */
const SECOND_FAMILY_MS = 500;
/** Names that are asked for at a time. */
const NAMES_AT_ONCE = 64;

/** What looking up needs of the machine. */
export interface LookupPorts {
  /** The text of a file; rejects when there is none. */
  read(path: string): Promise<string>;
  /** Asks the name servers for the A or AAAA records of a complete name; rejects as `dns.resolve4` does. */
  query(name: string, family: 4 | 6, signal: AbortSignal): Promise<readonly string[]>;
  /** Asks the system's own resolver; cannot be cancelled. */
  getaddrinfo(name: string): Promise<readonly string[]>;
  readonly clock: Clock;
  readonly hostsFile: string;
  readonly resolvConf: string;
}

/** Looks names up on this machine. */
export class SystemLookup {
  readonly #ports: LookupPorts;
  readonly #names = new Slots(NAMES_AT_ONCE);
  readonly #threads = new Slots(1);

  constructor(ports: LookupPorts) {
    this.#ports = ports;
  }

  /**
   * The addresses of a name: of the first source that has any.
   *
   * @throws the last source's error; the signal's reason
   */
  async lookUp(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const known = addressesIn(await this.#textOf(this.#ports.hostsFile), name);
    if (known.length > 0) return known;
    // RFC 6761, section 6.3.
    if (/^(.+\.)?localhost\.?$/i.test(name)) return ['127.0.0.1', '::1'];
    // A name of multicast DNS, which name servers do not know (RFC 6762). Longer ones may be of a domain.
    if (/^[^.]+\.local\.?$/i.test(name)) return this.#askSystem(name, signal);
    const search = searchListOf(await this.#textOf(this.#ports.resolvConf));
    try {
      return await this.#names.use(signal, () => this.#askServers(namesFor(name, search), signal));
    } catch (error) {
      signal.throwIfAborted();
      if (codeOf(error) === 'ETIMEOUT') throw noAnswer(name, error);
    }
    return this.#askSystem(name, signal);
  }

  /** The thread is occupied until the system has answered, whoever gave up. */
  #askSystem(name: string, signal: AbortSignal): Promise<readonly string[]> {
    return unless(
      signal,
      this.#threads.use(signal, () => this.#ports.getaddrinfo(name)),
    );
  }

  /** Asks for one name after the other, until one has an address; a server that is silent ends it. */
  async #askServers(names: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    for (const [index, name] of names.entries()) {
      try {
        return await this.#askForBoth(name, signal);
      } catch (error) {
        const isLast = index === names.length - 1;
        if (isLast || signal.aborted || codeOf(error) === 'ETIMEOUT') throw error;
      }
    }
    return [];
  }

  /** IPv4 first, as 0.0.0.0 is bound by default. */
  async #askForBoth(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const enough = new AbortController();
    const ended = AbortSignal.any([signal, enough.signal]);
    let timer: Timer | undefined;
    const ask = async (family: 4 | 6): Promise<readonly string[]> => {
      const found = await this.#ports.query(name, family, ended);
      timer ??= this.#ports.clock.setTimer(SECOND_FAMILY_MS, () => enough.abort());
      return found;
    };
    const answers = await Promise.allSettled([ask(4), ask(6)]);
    timer?.cancel();
    const found = answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    if (found.length > 0) return found;
    const failures = answers.flatMap((each) =>
      each.status === 'rejected' ? [each.reason as Error] : [],
    );
    throw failures.find((error) => codeOf(error) === 'ETIMEOUT') ?? failures[0] ?? noRecord(name);
  }

  async #textOf(path: string): Promise<string> {
    return this.#ports.read(path).catch(() => '');
  }
}

/** The addresses of a name in a hosts file. */
export function addressesIn(hosts: string, name: string): string[] {
  const wanted = name.replace(/\.$/, '').toLowerCase();
  const found = new Set<string>();
  for (const line of hosts.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    if (isIP(address) > 0 && names.some((each) => each.toLowerCase() === wanted))
      found.add(address);
  }
  return [...found];
}

/** The search domains of a `resolv.conf`, and from how many dots on a name is tried as it is first. */
export function searchListOf(resolvConf: string): { domains: string[]; ndots: number } {
  let domains: string[] = [];
  let ndots = 1;
  for (const line of resolvConf.split('\n')) {
    const [word, ...rest] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    // The last of them counts.
    if (word === 'search') domains = rest;
    if (word === 'domain') domains = rest.slice(0, 1);
    if (word !== 'options') continue;
    for (const option of rest) {
      const [, dots] = /^ndots:(\d{1,2})$/.exec(option) ?? [];
      if (dots !== undefined) ndots = Math.min(15, Number(dots));
    }
  }
  return {
    domains: domains.map((each) => each.replace(/\.$/, '')).filter((each) => each !== ''),
    ndots,
  };
}

/** The complete names that a name may stand for, in the order in which they are asked for (resolv.conf(5)). */
export function namesFor(
  name: string,
  { domains, ndots }: { readonly domains: readonly string[]; readonly ndots: number },
): string[] {
  if (name.endsWith('.')) return [name];
  const searched = domains.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}

/** So many at a time; the others wait. */
class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Does `work` when it is its turn, unless the signal is aborted before. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#release();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    let begin: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => (begin = resolve));
    this.#waiting.add(begin);
    try {
      await unless(signal, turn);
    } catch (error) {
      // Its turn may have come at the same moment.
      if (!this.#waiting.delete(begin)) this.#release();
      throw error;
    }
  }

  #release(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free++;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}

/** Those of this machine. */
export const systemPorts: LookupPorts = {
  read: (path) => readFile(path, 'utf8'),

  async query(name, family, signal) {
    signal.throwIfAborted();
    // One of its own: it can be cancelled, and it has read what the machine's name servers are now.
    const resolver = new DnsResolver(nameServerPatience);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name));
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  },

  async getaddrinfo(name) {
    return (await getaddrinfo(name, { all: true })).map(({ address }) => address);
  },

  clock: systemClock,
  hostsFile:
    process.platform === 'win32'
      ? `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts`
      : '/etc/hosts',
  resolvConf: '/etc/resolv.conf',
};

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

function noAnswer(name: string, cause: unknown): Error {
  return new Error(`the name servers do not answer (looking up "${name}")`, { cause });
}

function noRecord(name: string): Error {
  return new Error(`"${name}" has no address`);
}
