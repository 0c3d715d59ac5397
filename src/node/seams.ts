/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Parts of a node that simulations, experiments and tests replace. They are arguments of the internal factory
// `Memberlist.createWith`; the public configuration has no place for them.
import type { LifeguardRules } from '../core/lifeguard/rules.js';
import type { Engine } from '../core/engine.js';
import type { Random } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import type { SnapshotFiles } from '../discovery/snapshot-files.js';
import type { InternalErrorHook } from '../runtime/guard.js';
import type { Resolver } from '../transport/resolve.js';

/** Observes a node from inside. An exception from it counts as an internal error of the node. */
export interface NodeObserver {
  /** Called once, when the node's engine is created. */
  readonly engine?: ((engine: Engine) => void) | undefined;
  /** Called with each report, also with those whose log lines are held back. */
  readonly report?: ((report: Report) => void) | undefined;
}

/** What can be replaced. A part that is not given is the product's. */
export interface NodeSeams {
  /** Decides when discovery contacts a node, and which. Its own source, so that drawing from it changes nothing else. */
  readonly discoveryRandom?: Random | undefined;
  /** Looks up seeds and addresses. */
  readonly resolver?: Resolver | undefined;
  /** Reads and writes snapshots. */
  readonly files?: SnapshotFiles | undefined;
  /** The rules of SWIM and Lifeguard that experiments vary. */
  readonly lifeguard?: LifeguardRules | undefined;
  readonly observer?: NodeObserver | undefined;
  /** Called with each exception that the library catches inside itself. */
  readonly internalError?: InternalErrorHook | undefined;
}
