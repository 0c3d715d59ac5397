/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the core starts with, from the configuration of a node and what its transport advertises.
import type { Snapshot } from '../discovery/snapshot.js';
import type { ResolvedConfig } from '../config/options.js';
import { defaultRejoin } from '../config/presets.js';
import type { CoreSettings } from '../core/context.js';
import { lifeguardRules, productionRules } from '../core/lifeguard/rules.js';
import { versionBytes, type Identity } from '../core/local-node.js';
import type { DelegateHost } from './delegate-host.js';
import { ConfigError } from '../errors.js';
import { ipToBytes } from '../wire/address.js';

const INCARNATIONS_NOT_SAVED = 16;

/** The settings of the core. `bindPort` is the port that the node is bound to. */
export function coreSettings(
  config: ResolvedConfig,
  bindPort: number,
  host: DelegateHost,
): CoreSettings {
  const { rejoin, disableTcpPingsForNode: isAsked } = config;
  return {
    ...config,
    bindPort,
    forgetMs: rejoin === false ? defaultRejoin.forgetAfter : rejoin.forgetAfter,
    hasAliveDelegate: config.alive !== undefined,
    lifeguard: config[lifeguardRules] ?? productionRules,
    disableTcpPingsForNode: isAsked && ((name) => host.disablesTcpPings(name)),
  };
}

/**
 * Address and versions of the node itself.
 *
 * @throws ConfigError when the advertised address is no IP address
 */
export function identityOf(
  config: ResolvedConfig,
  { addr, port }: { addr: string; port: number },
): Identity {
  return { addr: bytesOf(addr), port, vsn: versionBytes(config) };
}

/** The incarnation to start above; undefined when no earlier run of this node saved one. */
export function earlierIncarnation(
  { name }: ResolvedConfig,
  snapshot: Snapshot | undefined,
): number | undefined {
  // A change of the last seconds may be missing in the snapshot.
  return snapshot?.name === name ? snapshot.incarnation + INCARNATIONS_NOT_SAVED : undefined;
}

function bytesOf(ip: string): Buffer {
  const bytes = ipToBytes(ip);
  if (bytes !== undefined) return bytes;
  const rule = 'the transport gave something to advertise that is no IP';
  throw new ConfigError([{ field: 'advertiseAddr', value: ip, rule }]);
}
