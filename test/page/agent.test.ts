/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The status page of a real agent in a real browser: it is live, it reports when the agent is suspended or gone, it
// shows what peers send as text only, and it is read-only.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { encodeMeta, lanConfig, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { createBus } from '../../src/bus/index.js';
import { createState } from '../../src/state/index.js';
import { AgentProcess } from '../interop/agent-process.js';
import { eventually } from '../interop/eventually.js';
import { KillableNode } from '../interop/killable-node.js';
import { Viewer } from './viewer.js';

const HOSTILE = '<script>window.pwned=1</script>';
const HOSTILE_META = '"><img src=x onerror="window.pwned=2">';
const quick = { ...lanConfig(), probeInterval: 300, probeTimeout: 150, suspicionMult: 6 };

describe('the page of an agent in a browser', () => {
  let viewer: Viewer;
  let agent: AgentProcess;
  let url: string;
  const lists: Memberlist[] = [];

  const create = async (n: number, name: string, meta: string | Buffer): Promise<Memberlist> => {
    const config: MemberlistConfig = {
      ...quick,
      name,
      bindAddr: `127.6.2.${n}`,
      delegate: { nodeMeta: () => Buffer.from(meta) },
    };
    const list = await Memberlist.create(config);
    lists.push(list);
    await list.join(['127.6.2.1:7946']);
    return list;
  };
  const opened = (options: BrowserContextOptions = {}): Promise<Page> => viewer.open(url, options);
  const rows = (page: Page): Promise<string[]> => page.locator('#members tr').allInnerTexts();

  before(async () => {
    agent = await AgentProcess.start(
      '--name=web-1',
      '--bind=127.6.2.1:7946',
      '--http=127.6.2.1:0',
      '--meta=role=web',
      '--bus',
      '--state',
    );
    url = String(agent.started.http);
    await create(2, 'web-2', 'role=web');
    await create(3, 'worker-1', encodeMeta({ role: 'worker', slots: 4 }));
    await create(4, 'db-1', 'role=db');
    viewer = await Viewer.start();
  });

  after(async () => {
    await viewer.close();
    await Promise.all([...lists.map((list) => list.shutdown()), agent.end()]);
  });

  it('shows all members with metadata and round trips, and updates itself', async () => {
    const page = await opened({ viewport: { width: 1240, height: 900 }, colorScheme: 'light' });
    await eventually(
      'four rows',
      () => rows(page),
      (texts) => texts.length === 4,
    );
    assert.match((await rows(page)).join('\n'), /worker-1[^]*{"role":"worker","slots":4}/);
    await create(5, 'late', '');
    await eventually(
      'a fifth',
      () => rows(page),
      (texts) => texts.length === 5,
    );
    await eventually(
      'round trips of all',
      () => rows(page),
      (texts) => texts.filter((text) => /[\d.]+ ms/.test(text)).length === 4,
    );
    assert.equal(await page.locator('#diagram line.probe').count(), 4);
    assert.match(await page.locator('#events').innerText(), /join\s+late/);
    assert.equal(await page.title(), 'web-1 · 5 members');
    assert.equal(await page.locator('#tile-health').innerText(), 'healthy');
    assert.equal(await page.locator('#encryption').innerText(), 'off');
    assert.equal(await page.locator('#label').innerText(), 'none');
    assert.match(await page.locator('#version').innerText(), /^\d+\.\d+\.\d+/);
    assert.match(await page.locator('#uptime').innerText(), /^\d+ (s|min)/);
    await page.context().close();
  });

  it('shows names and metadata of peers as text, whatever they contain', async () => {
    const page = await opened({ viewport: { width: 1240, height: 900 }, colorScheme: 'dark' });
    const hostile = await create(6, HOSTILE, HOSTILE_META);
    await eventually(
      'it is listed',
      () => rows(page),
      (texts) => texts.some((text) => text.includes(HOSTILE)),
    );
    const [row] = (await rows(page)).filter((text) => text.includes(HOSTILE));
    assert.ok(row?.includes(HOSTILE_META));
    assert.ok((await page.locator('#events').innerText()).includes(HOSTILE));
    assert.equal(await viewer.evaluate(page, 'window.pwned'), undefined);
    assert.equal(await page.locator('main script, main img').count(), 0);
    await hostile.leave();
    await eventually(
      'it has left',
      () => page.locator('#events').innerText(),
      (text) => new RegExp(`left\\s+${HOSTILE.replace(/[()]/g, '\\$&')}`).test(text),
    );
    await page.context().close();
  });

  it('shows what members publish and share, as text', async () => {
    const page = await opened();
    const bus = createBus();
    const state = createState();
    const peer = await Memberlist.create({
      ...quick,
      name: 'publisher',
      bindAddr: '127.6.2.8',
      use: [bus, state],
    });
    lists.push(peer);
    await peer.join(['127.6.2.1:7946']);
    await bus.publish(HOSTILE, Buffer.from('hello'));
    state.set('load', 0.4);
    state.set(HOSTILE_META, HOSTILE);
    await page.locator('#topics li', { hasText: HOSTILE }).waitFor();
    await page.locator('#topics li', { hasText: 'the last one by publisher' }).waitFor();
    await page.locator('#publishers li', { hasText: 'publisher' }).waitFor();
    const map = page.locator('#state-nodes li', { hasText: 'publisher' });
    await map.locator('dd', { hasText: '0.4' }).waitFor();
    assert.ok((await map.innerText()).includes(HOSTILE_META));
    assert.equal(await viewer.evaluate(page, 'window.pwned'), undefined);
    await page.context().close();
  });

  it('shows suspicions and failed members', async () => {
    const killable = await KillableNode.start({ ...quick, name: 'doomed', bindAddr: '127.6.2.7' }, [
      '127.6.2.1:7946',
    ]);
    const page = await opened({ viewport: { width: 1240, height: 900 }, colorScheme: 'dark' });
    await page.locator('#members tr', { hasText: 'doomed' }).waitFor();
    await killable.kill();
    await page.locator('#members tr.suspect', { hasText: 'doomed' }).waitFor();
    await page.locator('#diagram path.suspicion').first().waitFor({ state: 'attached' });
    await page.locator('#members tr.dead', { hasText: 'doomed' }).waitFor();
    assert.match((await rows(page))[0] ?? '', /^doomed[^]*failed/, 'it is the first row');
    await page.locator('#diagram text.name.dead', { hasText: 'doomed' }).waitFor();
    await page
      .locator('#live-region', { hasText: 'failed: doomed' })
      .waitFor({ state: 'attached' });
    assert.match(await page.locator('#events').innerText(), /failed\s+doomed/);
    await page.context().close();
  });

  it('reports within seconds that the agent is suspended, and is live again when it resumes', async () => {
    const page = await opened();
    agent.freeze();
    try {
      await page.locator('#link.stale').waitFor({ timeout: 10_000 });
      assert.match(await page.locator('#link').innerText(), /^no data for \d+ s$/);
      assert.match(
        await page.locator('#notice').innerText(),
        /Last message at \d\d:\d\d:\d\d, \d+ s ago/,
      );
      await page.locator('html.stale').waitFor();
      await page
        .locator('#live-region', { hasText: 'The agent sends no data' })
        .waitFor({ state: 'attached' });
    } finally {
      agent.thaw();
    }
    await page.locator('#link.live').waitFor({ timeout: 10_000 });
    await page.locator('html:not(.stale)').waitFor();
    assert.equal(await page.locator('#notice').isVisible(), false);
    await page.context().close();
  });

  it('serves /metrics, /healthz and /members.json, and rejects writes', async () => {
    assert.match(await (await fetch(`${url}metrics`)).text(), /memberlist_members\{node="web-1"/);
    const health = await fetch(`${url}healthz`);
    assert.equal(health.status, 200);
    assert.equal(((await health.json()) as { status: string }).status, 'ok');
    const members = (await (await fetch(`${url}members.json`)).json()) as { name: string }[];
    assert.ok(members.some(({ name }) => name === 'db-1'));
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      assert.equal((await fetch(url, { method })).status, 405, method);
    }
    assert.equal((await fetch(`${url}../../etc/passwd`)).status, 404);
  });

  it('is not served under a host name that an attacker may have pointed to it', async () => {
    const { hostname, port } = new URL(url);
    const status = await new Promise((resolve, reject) => {
      const headers = { host: `evil.example:${port}` };
      request({ hostname, port, headers }, ({ statusCode }) => resolve(statusCode))
        .on('error', reject)
        .end();
    });
    assert.equal(status, 421);
  });

  it('reports that the agent is gone, and the browser reports no problems', async () => {
    const page = await opened();
    assert.deepEqual(viewer.problems, []);
    assert.equal(await agent.end(), 0);
    await page.locator('#link.lost').waitFor();
    assert.equal(await page.locator('#link').innerText(), 'no connection');
    await page.locator('#notice', { hasText: 'There is no connection to the agent' }).waitFor();
  });
});
