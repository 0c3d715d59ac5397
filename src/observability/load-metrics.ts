/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { ConfigError } from '../errors.js';
import { asError } from '../runtime/as-error.js';
import type * as Metrics from './metrics.js';

/**
 * Loads what needs prom-client, so that a node without metrics does not load it.
 *
 * @throws ConfigError when prom-client cannot be loaded
 */
export async function loadMetrics(): Promise<typeof Metrics> {
  try {
    return await import('./metrics.js');
  } catch (cause) {
    const rule =
      `need prom-client, which cannot be loaded (${asError(cause).message}): install it, or, in a bundle, ` +
      'leave prom-client out of the bundle (external)';
    throw new ConfigError([{ field: 'metrics', value: {}, rule }], { cause });
  }
}
