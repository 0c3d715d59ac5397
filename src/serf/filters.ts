/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whether a query is for this node. A filter that cannot be understood or that takes too much work matches nothing, as
// in Serf.
import { serfLimits } from './limits.js';
import { MalformedMessage } from './malformed-message.js';
import { decodeFilter } from './query-messages.js';
import { matches } from './regexp.js';
import { InvalidExpression } from './regexp-tree.js';
import type { SerfTags } from './tags.js';

/**
 * Whether all filters match this node.
 *
 * @throws MalformedMessage, InvalidExpression when a filter cannot be decided; it counts as one that does not match
 */
export function isForNode(
  filters: readonly Buffer[],
  node: { readonly name: string; readonly tags: SerfTags },
): boolean {
  if (filters.length > serfLimits.filters) {
    throw new MalformedMessage(`a query has ${filters.length} filters`);
  }
  // One budget for all of them.
  const budget = { steps: serfLimits.filterSteps };
  for (const bytes of filters) {
    const filter = decodeFilter(bytes);
    if (filter.kind === 'nodes') {
      if (!filter.names.includes(node.name)) return false;
      continue;
    }
    const tag = Object.hasOwn(node.tags, filter.tag) ? (node.tags[filter.tag] ?? '') : '';
    if (!matches(filter.expr, tag, budget)) return false;
  }
  return true;
}

/** Whether an error says that a filter could not be decided. */
export function isUndecidable(error: unknown): error is Error {
  return error instanceof MalformedMessage || error instanceof InvalidExpression;
}
