/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Parts of a node that simulations, experiments and tests replace. They are arguments of the internal factory
// `Memberlist.createWith`; the public configuration has no place for them.
import type { LifeguardRules } from '../core/lifeguard/rules.js';
import type { Random } from '../core/ports.js';
import type { SnapshotFiles } from '../discovery/snapshot-files.js';
import type { InternalErrorHook } from '../runtime/guard.js';
import type { Resolver } from '../transport/resolve.js';

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
  /** Called with each exception that the library catches inside itself. */
  readonly internalError?: InternalErrorHook | undefined;
}
