/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { leaveOnSignals, type Memberlist } from '../../../src/index.js';

test('a node that can neither leave nor shut down ends the process in good order all the same', async () => {
  const cannot = (): Promise<never> => Promise.reject(new Error('cannot'));
  const exited = new Promise((resolve) => mock.method(process, 'exit', resolve as never));
  const list = { leave: cannot, shutdown: cannot, endWithProcess: () => undefined };
  const stop = leaveOnSignals(list as unknown as Memberlist, ['SIGUSR2']);
  try {
    process.emit('SIGUSR2');
    assert.equal(await exited, 0);
  } finally {
    stop();
    mock.restoreAll();
  }
});
