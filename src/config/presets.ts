/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Defaults for three kinds of networks, with the values of Go memberlist (behaviour.md, table 9).
import { limits } from '../wire/limits.js';
import type { MemberlistConfig } from './options.js';

/** The settings of a preset: all settings whose default is plain data. */
export type PresetField =
  | 'bindAddr'
  | 'bindPort'
  | 'protocolVersion'
  | 'delegateProtocolVersion'
  | 'delegateProtocolMin'
  | 'delegateProtocolMax'
  | 'label'
  | 'skipInboundLabelCheck'
  | 'plaintext'
  | 'gossipVerifyIncoming'
  | 'gossipVerifyOutgoing'
  | 'requireNodeNames'
  | 'tcpTimeout'
  | 'disableTcpPings'
  | 'probeInterval'
  | 'probeTimeout'
  | 'indirectChecks'
  | 'awarenessMaxMultiplier'
  | 'suspicionMult'
  | 'suspicionMaxTimeoutMult'
  | 'gossipInterval'
  | 'gossipNodes'
  | 'gossipToTheDeadTime'
  | 'retransmitMult'
  | 'pushPullInterval'
  | 'settleAfterJoin'
  | 'deadNodeReclaimTime'
  | 'maxMembers'
  | 'rejoin'
  | 'enableCompression'
  | 'udpBufferSize'
  | 'handoffQueueDepth'
  | 'queueCheckInterval'
  | 'metrics';

/** A complete set of defaults, to be spread into a {@link MemberlistConfig}. */
export type PresetConfig = {
  [Field in keyof MemberlistConfig as Extract<Field, PresetField>]-?: Exclude<
    MemberlistConfig[Field],
    undefined
  >;
};

const hourMs = 3_600_000;

/** The default of `rejoin`. */
export const defaultRejoin = Object.freeze({
  interval: 30_000,
  timeout: 10_000,
  forgetAfter: 72 * hourMs,
});

/**
 * For nodes in one data center; the default, as `DefaultLANConfig` in Go memberlist.
 *
 * @returns a new object at each call
 */
export function lanConfig(): PresetConfig {
  return {
    bindAddr: '0.0.0.0',
    bindPort: 7946,
    protocolVersion: 2,
    delegateProtocolVersion: 0,
    delegateProtocolMin: 0,
    delegateProtocolMax: 0,
    label: '',
    skipInboundLabelCheck: false,
    plaintext: false,
    gossipVerifyIncoming: true,
    gossipVerifyOutgoing: true,
    requireNodeNames: false,
    tcpTimeout: 10_000,
    disableTcpPings: false,
    probeInterval: 1_000,
    probeTimeout: 500,
    indirectChecks: 3,
    awarenessMaxMultiplier: 8,
    suspicionMult: 4,
    suspicionMaxTimeoutMult: 6,
    gossipInterval: 200,
    gossipNodes: 3,
    gossipToTheDeadTime: 30_000,
    retransmitMult: 4,
    pushPullInterval: 30_000,
    settleAfterJoin: true,
    deadNodeReclaimTime: 0,
    maxMembers: limits.maxMembers,
    rejoin: { ...defaultRejoin },
    enableCompression: true,
    udpBufferSize: 1_400,
    handoffQueueDepth: limits.handoffQueueDepth,
    queueCheckInterval: 30_000,
    metrics: false,
  };
}

/**
 * For nodes in several data centers: longer intervals and suspicion timeouts. As `DefaultWANConfig` in Go memberlist.
 *
 * @returns a new object at each call
 */
export function wanConfig(): PresetConfig {
  return {
    ...lanConfig(),
    tcpTimeout: 30_000,
    probeInterval: 5_000,
    probeTimeout: 3_000,
    suspicionMult: 6,
    gossipInterval: 500,
    gossipNodes: 4,
    gossipToTheDeadTime: 60_000,
    pushPullInterval: 60_000,
  };
}

/**
 * For nodes on one machine: shorter intervals and timeouts. As `DefaultLocalConfig` in Go memberlist.
 *
 * @returns a new object at each call
 */
export function localConfig(): PresetConfig {
  return {
    ...lanConfig(),
    tcpTimeout: 1_000,
    probeTimeout: 200,
    indirectChecks: 1,
    suspicionMult: 3,
    gossipInterval: 100,
    gossipToTheDeadTime: 15_000,
    retransmitMult: 2,
    pushPullInterval: 15_000,
  };
}
