/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The part of the table of log lines that is about what a node was given: its address, its keys, its registry.
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

/** These codes with their lines. */
export const configurationLines: { readonly [Code in Codes]: LineOf<Code> } = {
  'public-address': [
    'warn',
    'core',
    ({ address }) =>
      `${address} is a public address and gossip is not encrypted; set secretKey, keyring or keyFile, or ` +
      'plaintext: true if that is meant',
  ],
  plaintext: [
    'warn',
    'core',
    ({ address }) =>
      `gossip is not encrypted, and other hosts may reach ${address}; set secretKey, keyring or keyFile, or ` +
      'plaintext: true if that is meant',
  ],
  'other-registry': [
    'warn',
    'core',
    ({ ours, theirs }) =>
      `metrics are in the default registry of prom-client ${ours}, which this package depends on, and the application ` +
      `has prom-client ${theirs} with a registry of its own; pass that: metrics: { registry: register }`,
  ],
  'address-not-allowed': [
    'warn',
    'core',
    ({ address }) =>
      `the advertised address ${address} is in none of our own cidrsAllowed; ` +
      'members with the same list refuse this node',
  ],
  'address-gone': [
    'warn',
    'core',
    ({ address }) =>
      `the advertised address ${address} is on no interface any more, or its interface is down; ` +
      'others cannot reach this node until it is back. If it has changed, restart the node',
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
      `took ${keys} ${keys === 1 ? 'key' : 'keys'} from ${path}, which has changed`,
  ],
  'key-file-failed': [
    'warn',
    'core',
    ({ path, error }) => `${path} cannot be used, the keys stay as they are: ${error.message}`,
  ],
  'key-file-mode': [
    'warn',
    'core',
    ({ path, mode }) =>
      `others on this machine may read the keys in ${path} (mode ${mode}); give it the mode 0640 or less`,
  ],
};
