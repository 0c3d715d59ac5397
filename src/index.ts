/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// In the published types as well, so that projects find Node's without naming them in their `types`.
/// <reference types="node" preserve="true" />

// The package's front door. The version of Node is checked before anything else is loaded.
import './runtime/require-node.js';

export {
  Memberlist,
  type BroadcastOptions,
  type MemberlistState,
  type ReadyOptions,
} from './memberlist.js';
export type { WaitOptions } from './node/operation-options.js';
export type { Service, ServiceContext } from './node/services.js';
export {
  leaveOnSignals,
  type LeaveOnSignalsOptions,
  type SignalHook,
} from './service/leave-on-signals.js';
export {
  liveness,
  readiness,
  type Liveness,
  type Readiness,
  type ReadinessOptions,
} from './service/health-probes.js';
export type { JoinOptions, JoinResult } from './discovery/join.js';
export type { MemberEvent, MemberlistEvents } from './observability/member-events.js';
export type { ClusterHealthEvent } from './cluster-health/events.js';
export type { ClusterHealth, ClusterSize } from './cluster-health/isolation.js';
export type { MemberState, Node } from './core/member.js';
export type { VersionRange } from './core/versions.js';
export type { LeaveReason, MembershipEvent } from './core/membership/events.js';
export {
  kubernetesConfig,
  type KubernetesConfig,
  type KubernetesOptions,
} from './discovery/kubernetes.js';
export {
  lanConfig,
  localConfig,
  wanConfig,
  type PresetConfig,
  type PresetField,
} from './config/presets.js';
export type {
  Logger,
  MemberlistConfig,
  MetricsOptions,
  MetricsRegistry,
  RejoinOptions,
  ResolvedConfig,
  ResolvedRejoin,
  Seeds,
} from './config/options.js';
export type {
  AliveDelegate,
  ConflictDelegate,
  Delegate,
  EventDelegate,
  MergeDelegate,
  PingDelegate,
} from './delegates.js';
export type {
  Extension,
  ExtensionBroadcastOptions,
  ExtensionContext,
  ExtensionCounter,
  ExtensionEvents,
  ExtensionHooks,
  ExtensionMetrics,
  JoinStarter,
  Peer,
  RawMessages,
} from './extensions/extension.js';
export type { ExtensionVersions } from './wire/extension-trailer.js';
export type { Broadcast, BroadcastQueueInit } from './core/gossip/broadcast-queue.js';
export {
  TransmitLimitedQueue,
  type TransmitLimitedQueueInit,
} from './node/transmit-limited-queue.js';
export { printable } from './wire/printable.js';
export { decodeMeta, encodeMeta, type Meta, type MetaValue } from './node/meta.js';
export { ipFromBytes, ipToBytes, joinHostPort, splitHostPort } from './wire/address.js';
export { decodeName, encodeName } from './wire/name.js';
export { Keyring, type Key } from './security/keyring.js';
export { NetTransport, type NetTransportOptions } from './transport/net-transport.js';
export type { Address, Connection, Transport, TransportHandlers } from './transport/transport.js';
export type { Clock, Random, Timer } from './core/ports.js';
export {
  BusyError,
  ConfigError,
  JoinError,
  MemberlistError,
  MessageTooLargeError,
  NodeNameRequiredError,
  NoPingResponseError,
  ProtocolError,
  ShutdownError,
  SingletonStoppedError,
  StateLimitError,
  TimeoutError,
  errorCodes,
  type ConfigProblem,
  type ErrorCode,
  type JoinFailure,
  type SingletonStopReason,
} from './errors.js';
