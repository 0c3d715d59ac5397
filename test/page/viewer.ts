/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A browser that opens the page, and the problems that it reports.
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** A computer and a phone. */
export const screens = {
  wide: { viewport: { width: 1280, height: 900 } },
  phone: {
    viewport: { width: 375, height: 740 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
  },
} as const satisfies Record<string, BrowserContextOptions>;

/** The machine may be busy; a condition that is not met within this time never is. */
const PATIENCE_MS = 15_000;

export class Viewer {
  /** Errors and warnings of the console, exceptions, and requests to other origins. */
  readonly problems: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<Viewer> {
    const args = ['--no-sandbox', '--disable-gpu'];
    return new Viewer(await chromium.launch({ executablePath: '/usr/bin/chromium', args }));
  }

  /** Opens the page, and waits until it is live and lists members. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await (await this.#browser.newContext({ ...screens.wide, ...options })).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.problems.push(message.text());
    });
    page.on('pageerror', (error) => this.problems.push(error.message));
    page.on('request', (each) => {
      const isOwn = each.url().startsWith(url) || each.url().startsWith('data:');
      if (!isOwn) this.problems.push(`requested ${each.url()}`);
    });
    await page.goto(url);
    await page.locator('#link.live').waitFor();
    await page.locator('#members tr').first().waitFor();
    return page;
  }

  /** The value of an expression in the page. Its Content-Security-Policy forbids `eval`, but not the debugger. */
  async evaluate<T>(page: Page, expression: string): Promise<T> {
    const session = await page.context().newCDPSession(page);
    const answer = await session.send('Runtime.evaluate', { expression, returnByValue: true });
    await session.detach();
    if (answer.exceptionDetails !== undefined) {
      throw new Error(
        answer.exceptionDetails.exception?.description ?? answer.exceptionDetails.text,
      );
    }
    return answer.result.value as T;
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}
