/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A name of the local node that does not fit into a ping is refused before anything is bound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberlistConfig } from '../../../src/config/options.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { ConfigError } from '../../../src/errors.js';

const key = Buffer.alloc(32, 7);
const packets: [kind: string, config: MemberlistConfig, longest: number][] = [
  ['the smallest packets', { udpBufferSize: 512 }, 256],
  ['small packets', { udpBufferSize: 700 }, 309],
  ['small packets with a label', { udpBufferSize: 700, label: 'l'.repeat(98) }, 259],
  ['small packets with a key', { udpBufferSize: 700, secretKey: key }, 294],
  [
    'small packets with a key that is not used for sending yet',
    { udpBufferSize: 700, secretKey: key, gossipVerifyOutgoing: false },
    309,
  ],
  ['the default packets with a label and a key', { label: 'l'.repeat(255), secretKey: key }, 512],
];

for (const [kind, config, longest] of packets) {
  test(`the longest name is ${longest} bytes, with ${kind}`, () => {
    assert.equal(resolveConfig({ ...config, name: 'n'.repeat(longest) }).name.length, longest);
    assert.throws(
      () => resolveConfig({ ...config, name: 'n'.repeat(longest + 1) }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const [problem] = error.problems;
        assert.equal(error.problems.length, 1);
        assert.equal(problem?.field, 'name');
        assert.match(problem.rule, new RegExp(`\\b${longest}\\b`));
        return true;
      },
    );
  });
}
