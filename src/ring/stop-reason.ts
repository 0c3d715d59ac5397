/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Why a singleton's task must end.
import { MemberlistError } from '../index.js';

/** Each reason for which a running task is aborted, as text for messages. */
const reasons = {
  moved: 'another member owns it',
  'too-few-members': 'fewer than minMembers members are present',
  minority: 'this node is in a minority of the cluster',
  'lease-lost': 'its lease is lost or could not be renewed in time',
  leave: 'this node leaves the cluster',
  shutdown: 'this node is shut down',
  stopped: 'stop() was called',
} as const;

/**
 * Why a running task is aborted:
 *
 * - `moved`: another member owns it, or this node no longer passes the filter.
 * - `too-few-members`: fewer than `minMembers` candidates are present.
 * - `minority`: this node is isolated or in a minority, or too many members are suspect, and `stopInMinority` is set.
 * - `lease-lost`: another holder has the lease, or it could not be renewed in time.
 * - `leave`, `shutdown`: the node leaves or is shut down.
 * - `stopped`: `stop()` was called.
 */
export type SingletonStopReason = keyof typeof reasons;

/** The reason of the signal that a singleton's task receives. */
export class SingletonStoppedError extends MemberlistError {
  readonly reason: SingletonStopReason;
  /** The name of the singleton. */
  readonly singleton: string;

  constructor(singleton: string, reason: SingletonStopReason) {
    super(
      'ERR_MEMBERLIST_SINGLETON_STOPPED',
      `the task '${singleton}' must end: ${reasons[reason]}`,
    );
    this.singleton = singleton;
    this.reason = reason;
  }
}
