/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What `use` may be, and what extensions set in the configuration.
import { ConfigError } from '../errors.js';
import { lanConfig } from './presets.js';
import type { Extension } from '../extensions/extension.js';
import { encodeTrailer, extensionName } from '../wire/extension-trailer.js';
import { WireError } from '../wire/wire-error.js';

/** The rule that a list of extensions breaks; undefined if it is valid. */
export function extensions(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'must be a list of extensions, or a function that returns one';
  const versions = new Map<string, number>();
  for (const each of value as unknown[]) {
    const { name, version = 0, attach, delegateProtocol } = (each ?? {}) as Record<string, unknown>;
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
    if (delegateProtocol !== undefined && !isVersionRange(delegateProtocol)) {
      return `must have a delegateProtocol of { min, max, current } from 0 to 255, and '${name}' has another`;
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

/** The settings of the delegate's protocol. */
export interface DelegateProtocolSettings {
  readonly delegateProtocolMin?: number;
  readonly delegateProtocolMax?: number;
  readonly delegateProtocolVersion?: number;
}

/**
 * The delegate's protocol that an extension speaks; empty when none has one.
 *
 * @param given - what the user has set
 * @throws ConfigError when the user has set it to other values than the default, or two extensions have it
 */
export function delegateProtocolOf(
  use: readonly Extension[],
  given: DelegateProtocolSettings,
): DelegateProtocolSettings {
  const [first, second] = use.filter(({ delegateProtocol }) => delegateProtocol !== undefined);
  if (first?.delegateProtocol === undefined) return {};
  const settings = [
    'delegateProtocolMin',
    'delegateProtocolMax',
    'delegateProtocolVersion',
  ] as const;
  const defaults: DelegateProtocolSettings = lanConfig();
  // A preset that is spread into the configuration sets nothing of its own.
  const set = settings.find((field) => (given[field] ?? defaults[field]) !== defaults[field]);
  if (set !== undefined) {
    const rule = `must be left out: the extension '${first.name}' sets it`;
    throw new ConfigError([{ field: set, value: given[set], rule }]);
  }
  if (second !== undefined) {
    const rule = `can have one extension with a delegateProtocol, and '${first.name}' and '${second.name}' have one`;
    throw new ConfigError([{ field: 'use', value: use.map(({ name }) => name), rule }]);
  }
  const { min, max, current } = first.delegateProtocol;
  return {
    delegateProtocolMin: min,
    delegateProtocolMax: max,
    delegateProtocolVersion: current,
  };
}

function isVersionRange(value: unknown): boolean {
  const { min, max, current } = (value ?? {}) as Record<string, unknown>;
  const versions = [min, current, max];
  const areBytes = versions.every((each) => Number.isInteger(each) && Number(each) >= 0);
  return (
    areBytes &&
    Number(min) <= Number(current) &&
    Number(current) <= Number(max) &&
    Number(max) <= 255
  );
}
