/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Published as `node-memberlist/ring`: which member owns a key, a share of a limit, or a task.
export {
  createRing,
  type Ring,
  type RingChanged,
  type RingEvents,
  type RingMoved,
} from './ring.js';
export type { RingOptions, RingWatch } from './ring.js';
export type { RingMember } from './table.js';
export type { RingKey } from './hash.js';
export type { CandidateOptions, MemberFilter, MemberWeight } from './candidates.js';
export {
  share,
  type Share,
  type ShareChanged,
  type ShareEvents,
  type ShareOptions,
} from './share.js';
export { runSingleton } from './singleton.js';
export type { Singleton, SingletonEvents, SingletonState } from './singleton-types.js';
export type { RestartPolicy, RetryOptions, SingletonOptions } from './singleton-options.js';
export type { SingletonTask } from './singleton-run.js';
export type { Lease, LeaseRequest } from './lease.js';
export { SingletonStoppedError, type SingletonStopReason } from '../index.js';
