/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What `use` may be.
import { encodeTrailer, extensionName } from '../wire/extension-trailer.js';
import { WireError } from '../wire/wire-error.js';

/** Says what is wrong with a list of extensions; undefined when nothing is. */
export function extensions(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'must be a list of extensions, or a function that returns one';
  const versions = new Map<string, number>();
  for (const each of value as unknown[]) {
    const { name, version = 0, attach } = (each ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || !extensionName.test(name)) {
      return 'must have extensions with a name of 1 to 16 of a-z, 0-9 and -';
    }
    const isVersion = typeof version === 'number' && Number.isInteger(version);
    if (!isVersion || version < 0 || version > 255) {
      return `must have versions from 0 to 255, and that of '${name}' is none`;
    }
    if (typeof attach !== 'function') return `must have extensions, and '${name}' has no attach()`;
    if (versions.has(name)) return `must have each extension once, and '${name}' is there twice`;
    versions.set(name, version);
  }
  try {
    encodeTrailer(versions);
    return undefined;
  } catch (error) {
    if (error instanceof WireError) return `must be shorter: ${error.message}`;
    throw error;
  }
}
