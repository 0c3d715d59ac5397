/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which host names a request may use. A web site can let its own name resolve to an address of this machine
// (DNS rebinding); the browser of a user who can reach the page would then read it for that site. Such a
// name is in the public DNS. An IP address is not, nor is a name without a dot.
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/**
 * Whether a request with this header may read the page.
 *
 * @param host - the header `Host`
 * @param names - additional names of this page
 */
export function isAllowedHost(host: string | undefined, names: readonly string[]): boolean {
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
