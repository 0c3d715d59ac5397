/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which address others are told. Pure, over the shape of `os.networkInterfaces()`.

import { BlockList, isIP, isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { ConfigError } from '../errors.js';
import { ipFromBytes, ipToBytes } from '../wire/address.js';

/** What the choice depends on. */
export interface AdvertiseOptions {
  /** The IP that the user wants to advertise, if any. */
  readonly given: string | undefined;
  /** The first bound IP. */
  readonly bound: string;
  /** As `os.networkInterfaces()` gives them. */
  readonly interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]>;
}

const privateAddresses = new BlockList();
privateAddresses.addSubnet('10.0.0.0', 8, 'ipv4');
privateAddresses.addSubnet('172.16.0.0', 12, 'ipv4');
privateAddresses.addSubnet('192.168.0.0', 16, 'ipv4');
privateAddresses.addSubnet('100.64.0.0', 10, 'ipv4');
privateAddresses.addSubnet('fc00::', 7, 'ipv6');

/**
 * The IP to advertise: the given one; else the bound one; else, when that is `0.0.0.0` or `::`, the
 * first private one of the interfaces (RFC 1918 or 100.64.0.0/10; for `::` also fc00::/7).
 *
 * @throws ConfigError for `advertiseAddr` when there is none, or when the given one is not usable.
 */
export function chooseAdvertiseAddr({ given, bound, interfaces }: AdvertiseOptions): string {
  if (given !== undefined) return checkedIp(given);
  const ip = plainText(bound);
  if (!isUnspecified(ip)) return ip;
  const found = firstPrivateIp(interfaces, isIPv4(ip));
  if (found !== undefined) return found;
  throw problem(
    undefined,
    `bindAddr is ${bound} and no interface has a private address that could be advertised; ` +
      'set advertiseAddr to an IP at which the other nodes reach this one',
  );
}

/** The first private IP in the system's order; loopback and link-local never are. */
function firstPrivateIp(
  interfaces: AdvertiseOptions['interfaces'],
  onlyIpv4: boolean,
): string | undefined {
  for (const infos of Object.values(interfaces)) {
    for (const { address, family, internal } of infos ?? []) {
      if (internal || (onlyIpv4 && family !== 'IPv4')) continue;
      if (privateAddresses.check(address, family === 'IPv4' ? 'ipv4' : 'ipv6')) return address;
    }
  }
  return undefined;
}

function checkedIp(given: string): string {
  if (isIP(given) === 0) throw problem(given, 'must be an IP address, without a port');
  const ip = plainText(given);
  if (isUnspecified(ip)) throw problem(given, 'must be an IP at which others reach this node');
  return ip;
}

/** One text for each IP: without zone, IPv4 free of its IPv6 mapping. */
function plainText(ip: string): string {
  const bytes = ipToBytes(ip.replace(/%.*$/, ''));
  return (bytes && ipFromBytes(bytes)) ?? ip;
}

function isUnspecified(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::';
}

function problem(value: unknown, rule: string): ConfigError {
  return new ConfigError([{ field: 'advertiseAddr', value, rule }]);
}

/** Whether an IP may be reached from the internet: neither private, nor loopback, nor link-local. */
export function isPublicIp(ip: string): boolean {
  const family = isIPv4(ip) ? 'ipv4' : 'ipv6';
  return !privateAddresses.check(ip, family) && !localAddresses.check(ip, family);
}

const localAddresses = new BlockList();
localAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
localAddresses.addSubnet('169.254.0.0', 16, 'ipv4');
localAddresses.addAddress('::1', 'ipv6');
localAddresses.addSubnet('fe80::', 10, 'ipv6');
