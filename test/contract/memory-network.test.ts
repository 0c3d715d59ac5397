/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { MemoryNetwork } from '../../src/testing/memory-network.js';
import { transportContract } from './transport-contract.js';

transportContract('MemoryNetwork', () => {
  const network = new MemoryNetwork();
  let count = 0;
  const name = (): string => `t${count++}`;
  return {
    make: () => network.transport(name()),
    makeAt: (addr) => network.transport(name(), { addr }),
  };
});

transportContract('MemoryNetwork with latency', () => {
  const network = new MemoryNetwork({ latency: { min: 0.2, max: 3 }, seed: 7 });
  let count = 0;
  const name = (): string => `t${count++}`;
  return {
    make: () => network.transport(name()),
    makeAt: (addr) => network.transport(name(), { addr }),
  };
});
