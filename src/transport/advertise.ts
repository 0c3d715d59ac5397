/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Chooses the address to advertise to other members. Pure: works on the result of `os.networkInterfaces()`.
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { ConfigError } from '../errors.js';
import { ipFromBytes, ipToBytes } from '../wire/address.js';
import type { DefaultRoutes } from './default-route.js';

/** The inputs of the choice. */
export interface AdvertiseOptions {
  /** The configured `advertiseAddr`, if any. */
  readonly given: string | undefined;
  /** The bound IPs: one or more. */
  readonly bound: readonly string[];
  /** The result of `os.networkInterfaces()`. */
  readonly interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]>;
  /** The default routes, the best first. */
  readonly defaultRoutes: DefaultRoutes;
}

const privateAddresses = new BlockList();
privateAddresses.addSubnet('10.0.0.0', 8, 'ipv4');
privateAddresses.addSubnet('172.16.0.0', 12, 'ipv4');
privateAddresses.addSubnet('192.168.0.0', 16, 'ipv4');
privateAddresses.addSubnet('100.64.0.0', 10, 'ipv4');
privateAddresses.addSubnet('fc00::', 7, 'ipv6');

/** Interfaces of container engines and virtual machines: their addresses are valid on this host only. */
const hostOnlyInterface =
  /^(docker\d|docker_gwbridge|br-[\da-f]{12}|veth|cni|cbr|flannel|podman|virbr|lxcbr|lxdbr)/;

/**
 * The IP to advertise: the configured one; otherwise the first bound IP that is neither loopback nor link-local,
 * otherwise the first bound IP. If that is `0.0.0.0` or `::`, the best IP of the interfaces, in this order:
 *
 * 1. a private IP (RFC 1918 or 100.64.0.0/10; for `::` also fc00::/7) of an interface with a default route, as
 *    in Go memberlist;
 * 2. a private IP of another interface, except container bridges such as docker0;
 * 3. a public IP of an interface with a default route;
 * 4. a private IP of a container bridge.
 *
 * @throws ConfigError for `advertiseAddr` when there is no such IP, or when the configured one is not usable.
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
    `bindAddr is ${ip} and no interface has a private address to advertise; ` +
      'set advertiseAddr to an IP at which other members reach this node',
  );
}

/** The best IP, in the order of the system. Loopback and link-local IPs are excluded. */
function bestOfInterfaces(
  { interfaces, defaultRoutes }: AdvertiseOptions,
  onlyIpv4: boolean,
): string | undefined {
  const all = Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? [])
      .filter(({ internal, family }) => !internal && !(onlyIpv4 && family !== 'IPv4'))
      .map(({ address }) => ({ name, ip: plainText(address) })),
  );
  // A route is given by the name of its interface, or by an address of that interface.
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
  if (isUnspecified(ip)) {
    throw problem(given, 'must be an IP at which other members reach this node');
  }
  // A single loopback address may be intended: there are proxies and tunnels.
  if (bound.length > 1 && !isLoopbackIp(ip) && bound.every((each) => isLoopbackIp(each))) {
    throw problem(given, 'all IPs in bindAddr are loopback: no other host can reach it; bind it');
  }
  return ip;
}

/** The canonical text of an IP: without zone, and plain IPv4 for an IPv4-mapped IPv6 address. */
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

/** Whether an IP may be reachable from the internet: neither private, nor loopback, nor link-local. */
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

/** Whether an IP is loopback: on every host it means the host itself. */
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
