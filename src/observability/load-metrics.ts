/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { MetricsOptions } from '../config/options.js';
import type { Report } from '../core/reports.js';
import { ConfigError } from '../errors.js';
import { asError } from '../runtime/as-error.js';
import type * as Metrics from './metrics.js';

/**
 * Loads the module that needs prom-client; a node without metrics does not load it. Reports `other-registry` when the
 * metrics go to a registry other than that of the application.
 *
 * @throws ConfigError when prom-client cannot be loaded
 */
export async function loadMetrics(
  options: MetricsOptions,
  report: (report: Report) => void,
  load: () => Promise<typeof Metrics> = () => import('./metrics.js'),
): Promise<typeof Metrics> {
  const metrics = await load().catch((cause: unknown) => {
    const rule =
      `requires prom-client, which cannot be loaded (${asError(cause).message}): install it, or, in a bundle, ` +
      'mark prom-client as external';
    throw new ConfigError([{ field: 'metrics', value: options, rule }], { cause });
  });
  const other = metrics.otherRegistry(options);
  if (other !== undefined) report({ code: 'other-registry', ...other });
  return metrics;
}
