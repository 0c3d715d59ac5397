/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The status page of clusters of 3 to 1,000 members in a browser: problems come first, everything is reachable by
// keyboard and by screen reader, and it fits on a phone.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { busy, calm, clusters, longName } from './clusters.js';
import { lowContrastTexts } from './contrast.js';
import { FakeCluster } from './fake-cluster.js';
import { screens, Viewer } from './viewer.js';

const sizes = clusters.map(({ members }) => members);

interface AxNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
}

describe('the page of a cluster in a browser', () => {
  const made = new Map<number, FakeCluster>();
  let viewer: Viewer;

  before(async () => {
    viewer = await Viewer.start();
    for (const spec of clusters) made.set(spec.members, await FakeCluster.open(spec));
  });
  after(async () => {
    await viewer.close();
    for (const cluster of made.values()) await cluster.close();
  });

  /** A page that several tests use, each as the previous one left it. */
  const pages = new Map<number, Page>();
  const shared = async (members: number): Promise<Page> => {
    const page = pages.get(members) ?? (await viewer.open(urlOf(members)));
    pages.set(members, page);
    return page;
  };

  const urlOf = (members: number): string => made.get(members)?.url ?? '';
  const names = (page: Page): Promise<string[]> =>
    page.locator('#members .name span').allInnerTexts();
  const states = (page: Page): Promise<string[]> =>
    page.locator('#members tr').evaluateAll(classesOf);
  const focused = (page: Page): Promise<string> =>
    viewer.evaluate(
      page,
      'document.activeElement === document.body ? "none" : document.activeElement.id || document.activeElement.value || document.activeElement.textContent.trim()',
    );
  /** Tabs to a control, like a user without a mouse. */
  async function tabTo(page: Page, control: string): Promise<void> {
    for (let i = 0; i < 40; i++) {
      if ((await focused(page)) === control) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`${control} is not reached by the Tab key`);
  }

  for (const { members, failed = 0, suspect = 0, flapping = 0 } of clusters) {
    it(`${members} members: members with problems are the first rows, and are named in the diagram`, async () => {
      const page = await shared(members);
      const wanted = [
        ...Array<string>(failed).fill('dead'),
        ...Array<string>(suspect).fill('suspect'),
      ];
      assert.deepEqual((await states(page)).slice(0, failed + suspect), wanted);
      const first = await names(page);
      const problems = first.slice(0, failed + suspect + flapping);
      const isNamed = new Set(await page.locator('#diagram text.name').allTextContents());
      for (const name of problems) assert.ok(isNamed.has(name), `${name} is named`);
      const label = await page.locator('#diagram').getAttribute('aria-label');
      assert.match(
        label ?? '',
        failed > 0 ? new RegExp(`${problems[0] ?? ''} failed`) : /None has problems/,
      );
    });
  }

  it('searches, filters, sorts and turns pages by keyboard', async () => {
    const page = await shared(1_000);
    await tabTo(page, 'Skip to the members');
    await page.keyboard.press('Enter');
    await tabTo(page, 'search');
    await page.keyboard.type('worker 0117');
    assert.deepEqual(await names(page), ['worker-0117']);
    await page
      .locator('#live-region', { hasText: '1 member found' })
      .waitFor({ state: 'attached' });
    await page.keyboard.type(' nothing');
    await page.locator('#none').waitFor();
    await tabTo(page, 'clear');
    await page.keyboard.press('Enter');
    assert.equal(await focused(page), 'search');

    await tabTo(page, 'all');
    await page.keyboard.press('ArrowRight');
    assert.equal(await focused(page), 'dead');
    assert.deepEqual(new Set(await states(page)), new Set(['dead']));
    assert.equal(await page.locator('#range').innerText(), '1–12 of 12 members');
    await page.keyboard.press('ArrowLeft');

    await tabTo(page, 'Name');
    const heading = page.locator('th[data-key=name]');
    await page.keyboard.press('Enter');
    assert.equal(await heading.getAttribute('aria-sort'), 'ascending');
    assert.equal(await page.locator('th[data-key=state]').getAttribute('aria-sort'), null);
    assert.equal((await names(page))[0], 'cache-0002');
    await page.keyboard.press('Space');
    assert.equal(await heading.getAttribute('aria-sort'), 'descending');
    assert.equal((await names(page))[0], 'worker-0997');
    await page
      .locator('#live-region', { hasText: 'Sorted by name, descending' })
      .waitFor({ state: 'attached' });

    await tabTo(page, 'next');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('#range').innerText(), '51–100 of 1,000 members');
    assert.equal(await focused(page), 'next');
  });

  it('reaches all of 1,000 members by paging', async () => {
    const page = await shared(1_000);
    // The previous test turned a page; another page size starts with the first one.
    await page.locator('#page-size').selectOption('500');
    const seen = new Set(await names(page));
    assert.equal(seen.size, 500);
    assert.equal(await page.locator('#range').innerText(), '1–500 of 1,000 members');
    await page.locator('#next').click();
    for (const name of await names(page)) seen.add(name);
    assert.equal(seen.size, 1_000);
    assert.equal(await page.locator('#next').getAttribute('aria-disabled'), 'true');
  });

  it('shows the focus on every control', async () => {
    const page = await viewer.open(urlOf(30));
    const bare = `(() => {
      const shown = document.activeElement.matches('.filters input') ? document.activeElement.nextElementSibling : document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(shown);
      return outlineStyle === 'none' || parseFloat(outlineWidth) < 2;
    })()`;
    const reached = new Set<string>();
    await page.keyboard.press('Tab');
    for (let control = await focused(page); control !== 'none'; control = await focused(page)) {
      if (reached.has(control)) break;
      assert.equal(await viewer.evaluate(page, bare), false, `${control} shows no focus`);
      reached.add(control);
      await page.keyboard.press('Tab');
    }
    for (const control of ['events', 'search', 'all', 'Name', 'page-size', 'previous', 'next']) {
      assert.ok(reached.has(control), `${control} is reached`);
    }
    await page.context().close();
  });

  it('gives every control a name, and the parts of the page their roles', async () => {
    const page = await shared(30);
    const session = await page.context().newCDPSession(page);
    const { nodes } = (await session.send('Accessibility.getFullAXTree')) as { nodes: AxNode[] };
    const roles = new Map<string, string[]>();
    for (const { ignored, role, name } of nodes) {
      if (ignored || role === undefined) continue;
      roles.set(role.value, [...(roles.get(role.value) ?? []), name?.value ?? '']);
    }
    for (const role of [
      'button',
      'searchbox',
      'radio',
      'combobox',
      'link',
      'image',
      'table',
      'columnheader',
      'region',
      'heading',
      'navigation',
      'search',
    ]) {
      const found = roles.get(role) ?? [];
      assert.ok(found.length > 0, `there is a ${role}`);
      assert.ok(
        found.every((name) => name !== ''),
        `each ${role} has a name: ${found.join(', ')}`,
      );
    }
    for (const role of ['banner', 'main', 'contentinfo', 'status'])
      assert.equal(roles.get(role)?.length, 1, role);
    assert.equal(roles.get('rowheader')?.length, 30);
  });

  it('remains a table for screen readers on a phone', async () => {
    const page = await viewer.open(urlOf(30), screens.phone);
    const session = await page.context().newCDPSession(page);
    const { nodes } = (await session.send('Accessibility.getFullAXTree')) as { nodes: AxNode[] };
    const count = (role: string): number =>
      nodes.filter((node) => !node.ignored && node.role?.value === role).length;
    assert.deepEqual([count('table'), count('rowheader'), count('columnheader')], [1, 30, 6]);
    await page.context().close();
  });

  it('announces failed members politely', async () => {
    const cluster = made.get(3);
    const page = await shared(3);
    assert.equal(await page.locator('#live-region').getAttribute('aria-live'), 'polite');
    cluster?.change('cache-0002', 'suspect');
    await page
      .locator('#live-region', { hasText: 'suspect: cache-0002' })
      .waitFor({ state: 'attached' });
    cluster?.change('cache-0002', 'alive');
    await page
      .locator('#live-region', { hasText: 'alive again: cache-0002' })
      .waitFor({ state: 'attached' });
    await page.locator('#members tr.suspect').waitFor({ state: 'detached' });
  });

  it('shows drops by reason, the label, the encryption and the health in its header', async () => {
    const page = await shared(200);
    assert.equal(await page.locator('#drops-total').innerText(), '1,256');
    assert.deepEqual(
      await page
        .locator('#drops li')
        .allInnerTexts()
        .then((texts) => texts.map((text) => text.replace(/^\W+/, ''))),
      ['undecryptable 1,234', 'queue-full 17', 'malformed 3', 'misaddressed 2'],
    );
    assert.equal(await page.locator('#label').innerText(), 'production');
    assert.equal(await page.locator('#encryption').innerText(), 'off');
    const degraded = await shared(30);
    assert.equal(await degraded.locator('#tile-health').innerText(), 'degraded 2');
    assert.equal(await degraded.locator('#encryption').innerText(), 'AES-256-GCM, 2 keys');
  });

  it('shows topics, publishers with gaps first, and how many there are in all', async () => {
    const page = await shared(200);
    await page.locator('#bus').waitFor();
    const { topics, publishers } = busy.stats();
    assert.equal(await page.locator('#topics li').count(), 51);
    assert.equal(await page.locator('#topics li').last().innerText(), 'and 70 more topics');
    const busiest = [...topics].sort((a, b) => b.messages - a.messages).slice(0, 50);
    const shownTopics = await page.locator('#topics strong').allInnerTexts();
    assert.deepEqual(shownTopics.slice(0, 50).sort(), busiest.map(({ topic }) => topic).sort());
    assert.equal(await page.locator('#publishers li').count(), 51);
    const [first] = await page.locator('#publishers li').allInnerTexts();
    assert.match(first ?? '', /1 gap, 3 missed/);
    const summary = await page.locator('#bus-summary').innerText();
    const messages = topics.reduce((sum, each) => sum + each.messages, 0).toLocaleString('en-US');
    assert.ok(summary.startsWith(`${messages} messages, `), summary);
    assert.match(summary, /retained \(.* KiB\), 2 gaps, 5 messages missed$/);
    assert.equal(publishers.length, 70);
  });

  it('shows the keys and values of nodes as text, truncated', async () => {
    const page = await shared(200);
    await page.locator('#state').waitFor();
    assert.equal(await page.locator('#state-nodes li').count(), 100);
    assert.equal(await page.locator('#state-nodes dt').count(), 500);
    const [first] = await page.locator('#state-nodes li').allInnerTexts();
    assert.match(first ?? '', /^node-000 30 keys, 20 shown/);
    assert.match(first ?? '', /<img src=x onerror=window.pwned=3>/);
    assert.equal(await viewer.evaluate(page, 'window.pwned'), undefined);
    const longest = Math.max(
      ...(await page.locator('#state-nodes dd').allInnerTexts()).map(({ length }) => length),
    );
    assert.ok(longest > 100 && longest < 210, String(longest));
    const summary = await page.locator('#state-summary').innerText();
    assert.match(summary, /^3,900 keys of 130 nodes, .*; the first 100 are shown$/);
  });

  it('follows what is published and set, and keeps the rows that remain', async () => {
    const page = await shared(3);
    assert.match(await page.locator('#bus-summary').innerText(), /, no gaps$/);
    const mark = `document.querySelector('#topics li').dataset.mark = 'kept'`;
    await viewer.evaluate(page, mark);
    calm.publish('topic-000');
    calm.set('node-001', 'status', 'a new value');
    await page.locator('#topics li', { hasText: '2 messages' }).first().waitFor();
    assert.equal(await page.locator('#topics li[data-mark=kept]').count(), 1);
    await page.locator('#state-nodes dd', { hasText: 'a new value' }).waitFor();
    calm.gap('node-000');
    await page.locator('#bus-summary.warning', { hasText: '1 gap, 2 messages missed' }).waitFor();
  });

  it('shows nothing of a bus or state that the agent does not have', async () => {
    const page = await shared(30);
    for (const id of ['bus', 'state'])
      assert.equal(await page.locator(`#${id}`).isVisible(), false, id);
  });

  it('is never wider than the window', async () => {
    for (const members of sizes) {
      const page = await viewer.open(urlOf(members), screens.phone);
      for (const width of [320, 375, 821, 1_280]) {
        await page.setViewportSize({ width, height: 740 });
        const [wanted, inner] = await viewer.evaluate<[number, number]>(
          page,
          '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
        );
        assert.ok(wanted <= inner, `${members} members: ${wanted} in ${inner}`);
      }
      if (members === 200)
        assert.ok((await page.content()).includes(longName), 'a long name is among them');
      await page.context().close();
    }
  });

  it('has sufficient contrast in light and dark mode, with current and stale data', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await viewer.open(urlOf(200), { colorScheme, reducedMotion: 'reduce' });
      assert.deepEqual(await viewer.evaluate(page, lowContrastTexts), [], colorScheme);
      // In one turn, before the page finds that its data is current.
      const old = `document.documentElement.classList.add('stale'), ${lowContrastTexts}`;
      assert.deepEqual(await viewer.evaluate(page, old), [], `${colorScheme}, old`);
      await page.context().close();
    }
  });

  it('has no animation for users who prefer reduced motion', async () => {
    const cluster = made.get(3);
    for (const [reducedMotion, animation] of [
      ['reduce', 'none'],
      ['no-preference', 'arrive'],
    ] as const) {
      const page = await viewer.open(urlOf(3), { reducedMotion });
      cluster?.change('worker-0001', 'suspect');
      await page.locator('#events li.new').first().waitFor();
      const name = `getComputedStyle(document.querySelector('#events li.new')).animationName`;
      assert.equal(await viewer.evaluate(page, name), animation);
      await page.context().close();
    }
  });

  it('causes no problems in the browser', () => {
    assert.deepEqual(viewer.problems, []);
  });
});

function classesOf(rows: readonly { getAttribute(name: string): string | null }[]): string[] {
  return rows.map((row) => row.getAttribute('class') ?? '');
}
