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
import type { DefaultRoutes } from './default-route.js';

/** What the choice depends on. */
export interface AdvertiseOptions {
  /** The IP that the user wants to advertise, if any. */
  readonly given: string | undefined;
  /** The bound IPs: one or more. */
  readonly bound: readonly string[];
  /** As `os.networkInterfaces()` gives them. */
  readonly interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]>;
  /** What leads to the world, the best first. */
  readonly defaultRoutes: DefaultRoutes;
}

const privateAddresses = new BlockList();
privateAddresses.addSubnet('10.0.0.0', 8, 'ipv4');
privateAddresses.addSubnet('172.16.0.0', 12, 'ipv4');
privateAddresses.addSubnet('192.168.0.0', 16, 'ipv4');
privateAddresses.addSubnet('100.64.0.0', 10, 'ipv4');
privateAddresses.addSubnet('fc00::', 7, 'ipv6');

/** Interfaces of container engines and virtual machines: their addresses mean something on this host only. */
const hostOnlyInterface =
  /^(docker\d|docker_gwbridge|br-[\da-f]{12}|veth|cni|cbr|flannel|podman|virbr|lxcbr|lxdbr)/;

/**
 * The IP to advertise: the given one; else the first bound one that is neither loopback nor link-local, or the
 * first one at all; else, when that is `0.0.0.0` or `::`, the best of the interfaces:
 *
 * 1. a private one (RFC 1918 or 100.64.0.0/10; for `::` also fc00::/7) of an interface with a default route, as
 *    in Go memberlist;
 * 2. a private one of another interface, but those of container bridges such as docker0;
 * 3. a public one of an interface with a default route;
 * 4. a private one of a container bridge.
 *
 * @throws ConfigError for `advertiseAddr` when there is none, or when the given one is not usable.
 */
export function chooseAdvertiseAddr(options: AdvertiseOptions): string {
  const { given, bound } = options;
  if (given !== undefined) return checkedIp(given, bound);
  const ips = bound.map(plainText);
  const ip =
    ips.find((each) => !isLocalIp(each)) ?? ips.find((each) => !isLoopbackIp(each)) ?? ips[0];
  if (ip === undefined || !isUnspecified(ip)) return ip ?? '';
  const found = bestOfInterfaces(options, isIPv4(ip));
  if (found !== undefined) return found;
  throw problem(
    undefined,
    `bindAddr is ${ip} and no interface has a private address that could be advertised; ` +
      'set advertiseAddr to an IP at which the other nodes reach this one',
  );
}

/** The best IP in the system's order; loopback and link-local never are. */
function bestOfInterfaces(
  { interfaces, defaultRoutes }: AdvertiseOptions,
  onlyIpv4: boolean,
): string | undefined {
  const all = Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? [])
      .filter(({ internal, family }) => !internal && !(onlyIpv4 && family !== 'IPv4'))
      .map(({ address }) => ({ name, ip: plainText(address) })),
  );
  // A route is known by its interface, or by an address of that one.
  const routed = defaultRoutes.flatMap((route) => {
    const via = all.find(({ name, ip }) => name === route || ip === route)?.name;
    return all.filter(({ name }) => name === via);
  });
  const others = all.filter(({ name }) => !hostOnlyInterface.test(name));
  const best =
    routed.find(({ ip }) => isPrivateIp(ip)) ??
    others.find(({ ip }) => isPrivateIp(ip)) ??
    routed.find(({ ip }) => isPublicIp(ip)) ??
    all.find(({ ip }) => isPrivateIp(ip));
  return best?.ip;
}

function checkedIp(given: string, bound: readonly string[]): string {
  if (isIP(given) === 0) throw problem(given, 'must be an IP address, without a port');
  const ip = plainText(given);
  if (isUnspecified(ip)) throw problem(given, 'must be an IP at which others reach this node');
  // With a single one the user knows better: there are proxies and tunnels.
  if (bound.length > 1 && !isLoopbackIp(ip) && bound.every((each) => isLoopbackIp(each))) {
    throw problem(given, 'all of bindAddr are loopback, so that no other host reaches it; bind it');
  }
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
  return !isPrivateIp(ip) && !isLocalIp(ip);
}

function isPrivateIp(ip: string): boolean {
  return privateAddresses.check(ip, familyOf(ip));
}

/** Whether an IP is loopback or link-local. */
function isLocalIp(ip: string): boolean {
  return localAddresses.check(ip, familyOf(ip));
}

/** Whether an IP leads to the host itself, whatever host that is. */
export function isLoopbackIp(ip: string): boolean {
  return loopbackAddresses.check(ip, familyOf(ip));
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIPv4(ip) ? 'ipv4' : 'ipv6';
}

const loopbackAddresses = new BlockList();
loopbackAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
loopbackAddresses.addAddress('::1', 'ipv6');

const localAddresses = new BlockList();
localAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
localAddresses.addSubnet('169.254.0.0', 16, 'ipv4');
localAddresses.addAddress('::1', 'ipv6');
localAddresses.addSubnet('fe80::', 10, 'ipv6');
