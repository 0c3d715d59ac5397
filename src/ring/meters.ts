/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The metrics of rings, shares and singletons. Those of one node with the same kind are added up.
import type { ExtensionCounter, ServiceContext, SingletonStopReason } from '../index.js';

type Metrics = ServiceContext['metrics'];

/** Metrics of a ring. */
export class RingMeters {
  readonly viewChanges: ExtensionCounter;

  constructor(metrics: Metrics, isSettled: () => boolean) {
    this.viewChanges = metrics.counter('view_changes_total', 'Changes of the view.');
    const help = 'Rings that wait until their members have not changed for `settle`.';
    metrics.gauge('unsettled', help, () => Number(!isSettled()));
  }
}

/** Metrics of a share. */
export class ShareMeters {
  readonly changes: ExtensionCounter;

  constructor(metrics: Metrics) {
    this.changes = metrics.counter('changes_total', "Changes of this node's share.");
  }
}

/** Each reason of an abort, as the end of a sentence. */
const aborts: Readonly<Record<SingletonStopReason, string>> = {
  moved: 'because another member owns them',
  'too-few-members': 'because fewer than `minMembers` members are present',
  minority: 'because this node is in a minority',
  'lease-lost': 'because their lease is lost',
  leave: 'because this node leaves',
  shutdown: 'because this node is shut down',
  stopped: 'by `stop()`',
};

/** Metrics of a singleton. */
export class SingletonMeters {
  readonly starts: ExtensionCounter;
  readonly failed: Readonly<Record<'task' | 'lease', ExtensionCounter>>;
  readonly #aborted: Readonly<Record<string, ExtensionCounter>>;

  constructor(metrics: Metrics, isRunning: () => boolean) {
    metrics.gauge('running', 'Tasks that run on this node now.', () => Number(isRunning()));
    this.starts = metrics.counter('starts_total', 'Starts of tasks on this node.');
    this.failed = {
      task: metrics.counter('failed_total', 'Tasks that threw without being aborted.'),
      lease: metrics.counter('lease_failed_total', 'Calls of a lease that failed.'),
    };
    const counters = Object.entries(aborts).map(([reason, why]) => {
      const name = `aborted_${reason.replaceAll('-', '_')}_total`;
      return [reason, metrics.counter(name, `Tasks that ended after an abort, ${why}.`)];
    });
    this.#aborted = Object.fromEntries(counters) as Record<string, ExtensionCounter>;
  }

  aborted(reason: SingletonStopReason): void {
    this.#aborted[reason]?.inc();
  }
}
