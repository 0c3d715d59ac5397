/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/**
 * The reason why the package does not support a version of Node; undefined if it does. The rule is that of
 * `engines` in package.json: `^20.19 || >=22.12`. Bun and Deno report the Node version that they emulate.
 *
 * @param version - as in `process.versions.node`
 */
export function unsupportedNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isSupported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 23;
  if (isSupported) return undefined;
  return `node-memberlist needs Node 20.19 or newer of Node 20, or Node 22.12 or newer. This is Node ${version}.`;
}
