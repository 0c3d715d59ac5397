/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The part of the table of log lines about the configuration of a node: its address, its keys, its metrics registry.
import type { ReportCode } from '../core/reports.js';
import type { LineOf } from './line-of.js';

type Codes = Extract<
  ReportCode,
  | 'public-address'
  | 'plaintext'
  | 'other-registry'
  | 'address-not-allowed'
  | 'address-gone'
  | 'loopback-advertised'
  | 'key-file-read'
  | 'key-file-failed'
  | 'key-file-mode'
>;

/** The log line of each of these codes. */
export const configurationLines: { readonly [Code in Codes]: LineOf<Code> } = {
  'public-address': [
    'warn',
    'core',
    ({ address }) =>
      `the advertised address ${address} is public and gossip is not encrypted; set secretKey, keyring or keyFile, ` +
      'or plaintext: true if this is intended',
  ],
  plaintext: [
    'warn',
    'core',
    ({ address }) =>
      `gossip is not encrypted, and other hosts may reach ${address}; set secretKey, keyring or keyFile, or ` +
      'plaintext: true if this is intended',
  ],
  'other-registry': [
    'warn',
    'core',
    ({ ours, theirs }) =>
      `metrics are in the default registry of prom-client ${ours}, a dependency of this package, but the application ` +
      `loads prom-client ${theirs} with another registry; pass that one: metrics: { registry: register }`,
  ],
  'address-not-allowed': [
    'warn',
    'core',
    ({ address }) =>
      `the advertised address ${address} is outside the cidrsAllowed of this node; ` +
      'members with the same list refuse this node',
  ],
  'address-gone': [
    'warn',
    'core',
    ({ address }) =>
      `the advertised address ${address} is no longer on any interface, or its interface is down; ` +
      'other members cannot reach this node until the address is back. If it has changed, restart the node',
  ],
  'loopback-advertised': [
    'warn',
    'core',
    ({ peer, address }) =>
      `joining ${peer}, but the advertised address ${address} is loopback: other hosts cannot reach ` +
      'this node. Set bindAddr or advertiseAddr',
  ],
  'key-file-read': [
    'info',
    'core',
    ({ path, keys }) =>
      `loaded ${keys} ${keys === 1 ? 'key' : 'keys'} from ${path}, which has changed`,
  ],
  'key-file-failed': [
    'warn',
    'core',
    ({ path, error }) =>
      `the key file ${path} cannot be used, the installed keys stay in use: ${error.message}`,
  ],
  'key-file-mode': [
    'warn',
    'core',
    ({ path, mode }) =>
      `other users of this machine can access the keys in ${path} (mode ${mode}); set mode 0640 or stricter`,
  ],
};
