/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The delegate of the Serf extension of a node, to call it as memberlist does.
import assert from 'node:assert/strict';
import type { Delegate, Memberlist } from '../../../src/index.js';
import { SerfExtension } from '../../../src/serf/serf-extension.js';

export function delegateOf(list: Memberlist): Delegate {
  const [extension] = list.config.use;
  assert.ok(extension instanceof SerfExtension);
  return extension.delegate;
}
