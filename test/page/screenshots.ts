/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Screenshots of the page: clusters of several sizes, on a computer and on a phone, light and dark.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { clusters } from './clusters.js';
import { FakeCluster } from './fake-cluster.js';
import { screens, Viewer } from './viewer.js';

/** Writes the screenshots into a folder. */
export async function takeScreenshots(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const viewer = await Viewer.start();
  for (const spec of clusters) {
    const cluster = await FakeCluster.open(spec);
    for (const [screen, options] of Object.entries(screens)) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await viewer.open(cluster.url, { ...options, colorScheme });
        await page.locator('#tile-packets').filter({ hasNotText: '–' }).waitFor();
        const path = join(folder, `${spec.members}-${screen}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
        console.log(path);
        await page.context().close();
      }
    }
    await cluster.close();
  }
  await viewer.close();
}
