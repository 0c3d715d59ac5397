/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  descriptorLimit,
  isReservedDescriptor,
  maxInboundStreams,
} from '../../../src/transport/descriptors.js';
import { limits } from '../../../src/wire/limits.js';

const proc = (limit: string): string =>
  'Limit                     Soft Limit           Hard Limit           Units     \n' +
  'Max processes             95689                95689                processes \n' +
  `Max open files            ${limit}                 524288               files     \n`;

test('the soft limit of open files is read from the kernel', () => {
  assert.equal(
    descriptorLimit(() => proc('64')),
    64,
  );
  assert.equal(
    descriptorLimit(() => proc('unlimited')),
    undefined,
  );
  assert.equal(
    descriptorLimit(() => ''),
    undefined,
  );
  const missing = (): never => {
    throw new Error('ENOENT');
  };
  assert.equal(descriptorLimit(missing), undefined);
  const ours = descriptorLimit();
  if (process.platform === 'linux') assert.ok(ours !== undefined && ours > 16);
});

test('inbound streams use at most half of the descriptors', () => {
  assert.equal(maxInboundStreams(64, 'linux'), 16);
  assert.equal(maxInboundStreams(1_024, 'linux'), 496);
  assert.ok(maxInboundStreams(2_080, 'linux') >= limits.streams);
  assert.equal(maxInboundStreams(20, 'linux'), 4, 'a few at least');
  assert.equal(maxInboundStreams(undefined, 'darwin'), 496);
  assert.equal(maxInboundStreams(undefined, 'win32'), Infinity);
});

test('the last descriptors are reserved, by their number', () => {
  assert.deepEqual(
    [55, 56, 63].map((n) => isReservedDescriptor(n, 64)),
    [false, true, true],
  );
  assert.deepEqual(
    [1_007, 1_008].map((n) => isReservedDescriptor(n, 1_024)),
    [false, true],
  );
});
