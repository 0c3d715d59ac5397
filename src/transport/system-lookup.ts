/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Resolves host names with the sources of this machine: its hosts file, its name servers and search domains, then the
// other sources of `getaddrinfo` (mDNS, NIS, the host's own name). The first two do not use `getaddrinfo`, which
// cannot be canceled and occupies a thread of libuv's pool: with name servers that do not answer, it would block the
// lookups of the whole process and keep the process from ending. `getaddrinfo` runs only when the name servers have
// answered that they do not know the name, and in one thread at a time.
import { Resolver as DnsResolver, lookup as getaddrinfo } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock, Timer } from '../core/ports.js';
import { systemClock } from '../runtime/system-clock.js';
import { abortable } from './shared-lookups.js';

/** The timeout of a name server in milliseconds, and the number of tries over all name servers. */
export const nameServerLimits = { timeout: 2_000, tries: 2 } as const;
/** Milliseconds to wait for the second address family after the first one has answered. */
const SECOND_FAMILY_MS = 500;
/** Maximum number of concurrent names. */
const MAX_CONCURRENT_NAMES = 64;

/** The system functions for lookups. */
export interface LookupPorts {
  /** The text of a file; rejects when it does not exist. */
  read(path: string): Promise<string>;
  /** Queries the name servers for the A or AAAA records of a complete name; rejects like `dns.resolve4`. */
  query(name: string, family: 4 | 6, signal: AbortSignal): Promise<readonly string[]>;
  /** Calls the system resolver; cannot be canceled. */
  getaddrinfo(name: string): Promise<readonly string[]>;
  readonly clock: Clock;
  readonly hostsFile: string;
  readonly resolvConf: string;
}

/** Resolves names with the sources of this machine. */
export class SystemLookup {
  readonly #ports: LookupPorts;
  readonly #names = new Semaphore(MAX_CONCURRENT_NAMES);
  readonly #threads = new Semaphore(1);

  constructor(ports: LookupPorts) {
    this.#ports = ports;
  }

  /**
   * Returns the addresses of a name from the first source that knows one.
   *
   * @throws the error of the last source; the signal's reason
   */
  async lookUp(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const known = addressesIn(await this.#textOf(this.#ports.hostsFile), name);
    if (known.length > 0) return known;
    // RFC 6761, section 6.3.
    if (/^(.+\.)?localhost\.?$/i.test(name)) return ['127.0.0.1', '::1'];
    // A multicast DNS name, which name servers do not know (RFC 6762). A name with more labels may be in a DNS domain.
    if (/^[^.]+\.local\.?$/i.test(name)) return this.#querySystem(name, signal);
    const search = searchListOf(await this.#textOf(this.#ports.resolvConf));
    try {
      return await this.#names.run(signal, () => this.#queryNames(namesFor(name, search), signal));
    } catch (error) {
      signal.throwIfAborted();
      if (codeOf(error) === 'ETIMEOUT') throw noAnswer(name, error);
    }
    return this.#querySystem(name, signal);
  }

  /** The thread stays occupied until the system has answered, even if the caller has canceled. */
  #querySystem(name: string, signal: AbortSignal): Promise<readonly string[]> {
    return abortable(
      signal,
      this.#threads.run(signal, () => this.#ports.getaddrinfo(name)),
    );
  }

  /** Queries one name after the other, until one has an address. A timeout of the name servers ends the search. */
  async #queryNames(names: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    for (const [index, name] of names.entries()) {
      try {
        return await this.#queryBothFamilies(name, signal);
      } catch (error) {
        const isLast = index === names.length - 1;
        if (isLast || signal.aborted || codeOf(error) === 'ETIMEOUT') throw error;
      }
    }
    return [];
  }

  /** Returns IPv4 addresses first, because 0.0.0.0 is bound by default. */
  async #queryBothFamilies(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const enough = new AbortController();
    const ended = AbortSignal.any([signal, enough.signal]);
    let timer: Timer | undefined;
    const query = async (family: 4 | 6): Promise<readonly string[]> => {
      const found = await this.#ports.query(name, family, ended);
      timer ??= this.#ports.clock.setTimer(SECOND_FAMILY_MS, () => enough.abort());
      return found;
    };
    const answers = await Promise.allSettled([query(4), query(6)]);
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

/** The search domains of a `resolv.conf`, and `ndots`: a name with that many dots is tried first as is. */
export function searchListOf(resolvConf: string): { domains: string[]; ndots: number } {
  let domains: string[] = [];
  let ndots = 1;
  for (const line of resolvConf.split('\n')) {
    const [word, ...rest] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    // The last `search` or `domain` line takes effect.
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

/** The complete names to query for a name, in the order of resolv.conf(5). */
export function namesFor(
  name: string,
  { domains, ndots }: { readonly domains: readonly string[]; readonly ndots: number },
): string[] {
  if (name.endsWith('.')) return [name];
  const searched = domains.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}

/** Limits the number of concurrent operations; the others wait in order. */
class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `work` as soon as the limit allows it, unless the signal is aborted before. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#release();
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    let start: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (start = resolve));
    this.#waiting.add(start);
    try {
      await abortable(signal, started);
    } catch (error) {
      // The slot may have been assigned at the same moment.
      if (!this.#waiting.delete(start)) this.#release();
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

/** The functions of this machine. */
export const systemPorts: LookupPorts = {
  read: (path) => readFile(path, 'utf8'),

  async query(name, family, signal) {
    signal.throwIfAborted();
    // A separate resolver: it can be canceled, and it uses the current name servers of the machine.
    const resolver = new DnsResolver(nameServerLimits);
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
