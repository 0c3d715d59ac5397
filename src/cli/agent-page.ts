/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The agent's status page, created only with `--http`; its code and prom-client are loaded only then.
import type { Registry } from 'prom-client';
import type { Logger, MemberlistConfig } from '../config/options.js';
import type { Memberlist } from '../memberlist.js';
import { addressIn, textOf, UsageError, type Values } from './command.js';
import type { Page } from './page/server.js';
import type { ShownToolkit } from './page/toolkit-views.js';

/** A page that does not listen yet. */
export interface PreparedPage {
  /** The configuration that the page adds to the Memberlist's. */
  config(config: MemberlistConfig): MemberlistConfig;
  open(list: Memberlist): Promise<Page>;
}

/**
 * The page that `--http` requests.
 *
 * @throws UsageError when it has no port
 */
export async function preparePage(
  values: Values,
  toolkit: ShownToolkit,
  warn: (line: string) => void,
): Promise<PreparedPage | undefined> {
  const where = textOf(values, 'http');
  if (where === undefined) {
    if (values['http-name'] !== undefined) throw new UsageError('--http-name requires --http');
    return undefined;
  }
  const address = addressIn('http', /^\d+$/.test(where) ? `127.0.0.1:${where}` : where);
  if (address?.port === undefined) throw new UsageError('--http requires a port');
  const { host, port } = address;
  const [{ Page }, { Registry: PromRegistry }] = await Promise.all([
    import('./page/server.js'),
    import('prom-client'),
  ]);
  const registry: Registry = new PromRegistry();
  const names = Array.isArray(values['http-name']) ? (values['http-name'] as string[]) : [];
  const page = new Page({ registry, toolkit }, { host, port, names });
  return {
    config: ({ logger }) => ({
      metrics: { registry },
      ping: { notifyPingComplete: (node, rtt) => page.watch.pinged(node.name, rtt) },
      logger: page.watch.loggerBefore(logger as Logger),
    }),
    open: async (list) => {
      await page.open(list);
      if (!page.isLoopback) {
        warn(`node-memberlist: anyone who can connect to ${host} can read ${page.url}\n`);
      }
      return page;
    },
  };
}
