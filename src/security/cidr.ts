/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The list of networks that may contain members (`cidrsAllowed`).
import { BlockList, SocketAddress, isIP } from 'node:net';

interface Network {
  readonly ip: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** The number of bits before the IPv4 address in `::ffff:a.b.c.d`. */
const mappedPrefix = 96;

/** A list of networks, IPv4 and IPv6. An empty list allows nothing. */
export class CidrList {
  // One list per family: a single BlockList would match every IPv4 address with ::/0, unlike Go.
  readonly #networks = { ipv4: new BlockList(), ipv6: new BlockList() };

  /**
   * @param cidrs - networks such as `'10.0.0.0/8'` or `'fd00::/8'`; a bare IP stands for itself only
   * @throws TypeError for a text that {@link CidrList.problemWith} rejects
   */
  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const network = parseCidr(cidr);
      if (typeof network === 'string') throw new TypeError(`'${cidr}' ${network}`);
      this.#networks[network.family].addSubnet(network.ip, network.prefix, network.family);
    }
  }

  /**
   * Whether an IP is in one of the networks. IPv4 in IPv6 notation (`::ffff:10.0.0.1`) counts as
   * IPv4, as in Go. A text that is not an IP is not allowed.
   */
  allows(ip: string): boolean {
    const [bare = ''] = ip.split('%', 1);
    if (isIP(bare) === 0) return false;
    const address = unmapped(bare);
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    return this.#networks[family].check(address, family);
  }

  /** The rule that a network's text breaks, worded to follow that text; undefined if it is valid. */
  static problemWith(cidr: string): string | undefined {
    const network = parseCidr(cidr);
    return typeof network === 'string' ? network : undefined;
  }
}

/** The network that a text denotes, or the rule that the text breaks. */
function parseCidr(cidr: string): Network | string {
  const slash = cidr.indexOf('/');
  const ip = slash === -1 ? cidr : cidr.slice(0, slash);
  const version = ip.includes('%') ? 0 : isIP(ip);
  if (version === 0) return "must be a network such as '10.0.0.0/8' or 'fd00::/8'";

  const bits = version === 4 ? 32 : 128;
  const prefixText = slash === -1 ? String(bits) : cidr.slice(slash + 1);
  const prefix = Number(prefixText);
  if (!/^\d{1,3}$/.test(prefixText) || prefix > bits) {
    return `must have a prefix length from 0 to ${bits}`;
  }

  if (version === 4) return { ip, prefix, family: 'ipv4' };
  const address = unmapped(ip);
  if (isIP(address) === 6 || prefix < mappedPrefix) return { ip, prefix, family: 'ipv6' };
  return { ip: address, prefix: prefix - mappedPrefix, family: 'ipv4' };
}

/** `::ffff:a.b.c.d`, in any notation, as `a.b.c.d`; every other IP unchanged. */
function unmapped(ip: string): string {
  if (isIP(ip) === 4) return ip;
  const canonical = new SocketAddress({ address: ip, family: 'ipv6' }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1] ?? ip;
}
