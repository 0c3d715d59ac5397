/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Kills a Go node twenty times in a row while one of our nodes watches and detects each failure.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { OurNode } from './peers/our-node.js';
import { assertNoErrors, quick, type PeerSettings } from './peers/peer.js';
import { goNode, goVersions, titleOf } from './peers/programs.js';
import { scenario } from './results.js';

const KILLS = 20;

describe('a Go node that is killed repeatedly', { concurrency: 4 }, () => {
  for (const [index, version] of goVersions.entries()) {
    describe(titleOf(version), { concurrency: 1, timeout: 180_000 }, () => {
      const settings = (name: string, host: number): PeerSettings => ({
        ...quick,
        // Only dead nodes may be suspected, and quickly.
        suspicionMaxTimeoutMult: 1,
        name,
        bindAddr: `127.60.${index}.${host}`,
        bindPort: 7946,
      });
      const watcher = new OurNode(settings('watcher', 1));
      const other = goNode(version, settings('other', 2));
      const victim = goNode(version, settings('victim', 3));
      const all = [watcher, other, victim];
      before(async () => {
        await Promise.all(all.map((peer) => peer.start()));
        await watcher.join(other);
        await victim.join(watcher);
        for (const peer of all) await peer.untilListed(all);
      });
      after(() => Promise.all(all.map((peer) => peer.kill())));

      scenario(titleOf(version), 'killed 20 times: 20 failures, 20 returns', async () => {
        const mark = watcher.events.length;
        for (let kill = 0; kill < KILLS; kill++) {
          const killedAt = watcher.events.length;
          await victim.kill();
          await watcher.untilGone(victim, 'dead', killedAt);
          await victim.start();
          await victim.join(kill % 2 === 0 ? watcher : other);
          await watcher.until('its return', ({ event }) => event === 'join', { from: killedAt });
        }
        const seen = watcher.events
          .slice(mark)
          .flatMap((event) => ('node' in event ? [`${event.event} ${event.node.name}`] : []));
        const wanted = Array.from({ length: KILLS }, () => ['leave victim', 'join victim']).flat();
        assert.deepEqual(seen, wanted);
        const address = victim.settings.bindAddr.replaceAll('.', '\\.');
        assertNoErrors([watcher, other], [new RegExp(`victim|${address}`)]);
        assertNoErrors([victim]);
      });
    });
  }
});
