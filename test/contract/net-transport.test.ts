/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { NetTransport } from '../../src/transport/net-transport.js';
import { splitHostPort } from '../../src/wire/address.js';
import { transportContract } from './transport-contract.js';

function at(addr: string): NetTransport {
  const { host, port } = splitHostPort(addr) ?? {};
  return new NetTransport({ bindAddr: host, bindPort: port });
}

let lastHost = 1;

transportContract('NetTransport over IPv4', () => ({
  make: () => new NetTransport({ bindAddr: `127.0.0.${2 + (lastHost++ % 200)}`, bindPort: 0 }),
  makeAt: at,
}));

transportContract('NetTransport over IPv6', () => ({
  make: () => new NetTransport({ bindAddr: '::1', bindPort: 0 }),
  makeAt: at,
}));
