/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Determines the source of received bytes from the 'ip:port' that a transport gives.
import { ipToBytes } from './address.js';

const zone = /%.*$/;
const networkBytes = 8;

/** The host of an `'ip:port'`: without port and brackets, with its zone if it has one. */
export function hostOf(addr: string): string {
  const colon = addr.lastIndexOf(':');
  const host = colon < 0 ? addr : addr.slice(0, colon);
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/**
 * The source that an `'ip:port'` counts as where sources share a limit: an IPv4 address; the network (64 bits) of an
 * IPv6 address, because one machine owns all its addresses; any other text unchanged.
 */
export function sourceOf(addr: string): string {
  const host = hostOf(addr);
  if (!host.includes(':')) return host;
  const bytes = ipToBytes(host.replace(zone, ''));
  if (bytes === undefined) return host;
  return bytes.length > networkBytes ? bytes.toString('hex', 0, networkBytes) : bytes.join('.');
}
