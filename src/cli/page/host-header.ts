/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whose name a request may ask for. A web site can let its own name lead to an address of ours (DNS
// rebinding); the browser of somebody who can reach the page would then read it for that site. Such a
// name is a name of the public DNS. An address is none, nor is a name without a dot.
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/**
 * Whether the page may be asked for as this.
 *
 * @param host - the header `Host`
 * @param names - further names that lead here
 */
export function mayBeAskedAs(host: string | undefined, names: readonly string[]): boolean {
  const [, bracketed, plain = ''] =
    /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host ?? '') ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const name = plain.toLowerCase();
  if (isIP(name) === 4) return true;
  return (
    (name !== '' && !name.includes('.')) ||
    [hostname(), ...names].some((each) => each.toLowerCase() === name)
  );
}
