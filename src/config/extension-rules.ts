/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The rule for `use`.
import { encodeTrailer, extensionName } from '../wire/extension-trailer.js';
import { WireError } from '../wire/wire-error.js';

/** The rule that a list of extensions breaks; undefined if it is valid. */
export function extensions(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'must be a list of extensions, or a function that returns one';
  const versions = new Map<string, number>();
  for (const each of value as unknown[]) {
    const { name, version = 0, attach } = (each ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || !extensionName.test(name)) {
      return 'must have extensions whose names are 1 to 16 characters of a-z, 0-9 and -';
    }
    const isVersion = typeof version === 'number' && Number.isInteger(version);
    if (!isVersion || version < 0 || version > 255) {
      return `must have extensions with versions from 0 to 255; the version of '${name}' is invalid`;
    }
    if (typeof attach !== 'function') {
      return `must have extensions with a method attach(); '${name}' has none`;
    }
    if (versions.has(name)) return `must have each extension once; '${name}' occurs twice`;
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
