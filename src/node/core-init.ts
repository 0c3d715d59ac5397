/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the core starts with: settings, identity and incarnation of a node.
import type { Snapshot } from '../discovery/snapshot.js';
import type { ResolvedConfig } from '../config/options.js';
import { defaultRejoin } from '../config/presets.js';
import type { CoreSettings } from '../core/context.js';
import { productionRules, type LifeguardRules } from '../core/lifeguard/rules.js';
import { versionBytes, type Identity } from '../core/local-node.js';
import { ConfigError } from '../errors.js';
import { ipToBytes } from '../wire/address.js';

const INCARNATIONS_NOT_SAVED = 16;

/** What the settings of the core depend on beside the configuration. */
export interface CoreInit {
  /** The port that the node is bound to. */
  readonly bindPort: number;
  /** Undefined: those of the product. */
  readonly lifeguard: LifeguardRules | undefined;
  /** Asks the user's `disableTcpPingsForNode`. */
  readonly disablesTcpPings: (name: string) => boolean;
}

/** The settings of the core. */
export function coreSettings(config: ResolvedConfig, init: CoreInit): CoreSettings {
  const { rejoin, disableTcpPingsForNode: isAsked } = config;
  return {
    ...config,
    bindPort: init.bindPort,
    forgetMs: rejoin === false ? defaultRejoin.forgetAfter : rejoin.forgetAfter,
    hasAliveDelegate: config.alive !== undefined,
    lifeguard: init.lifeguard ?? productionRules,
    disableTcpPingsForNode: isAsked && init.disablesTcpPings,
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
  const rule = 'is what the transport advertises, and is no IP address';
  throw new ConfigError([{ field: 'advertiseAddr', value: ip, rule }]);
}
