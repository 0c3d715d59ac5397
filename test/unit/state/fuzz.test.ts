/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dice } from '../../fuzz/dice.js';
import { StateFuzz, stateMarks } from '../../fuzz/state-messages.js';

test('mutants of messages are applied or dropped, and violate no invariant', () => {
  const fuzz = new StateFuzz(new Dice('state'));
  fuzz.run(6_000);
  for (const mark of stateMarks) assert.ok((fuzz.marks.get(mark) ?? 0) > 3, mark);
});
