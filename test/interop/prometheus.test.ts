/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A real Prometheus scrapes a real cluster. Every expression of the dashboard must match samples, and the
// alerts must detect the node that has not joined.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { localConfig, Memberlist } from '../../src/index.js';
import { eventually } from './eventually.js';

const rules = fileURLToPath(new URL('../../examples/grafana/alerts.yml', import.meta.url));
const ruleTests = fileURLToPath(new URL('../../examples/grafana/alerts.test.yml', import.meta.url));
const dashboard = new URL('../../examples/grafana/dashboard.json', import.meta.url);
const PROMETHEUS = '127.6.1.9:9090';
const NODES = [1, 2, 3, 4];

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}
interface Sample {
  readonly metric: Readonly<Record<string, string>>;
}
interface Rule {
  readonly name: string;
  readonly query: string;
  readonly state: string;
}

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`http://${PROMETHEUS}/api/v1/${path}`);
  const answer = (await response.json()) as { status: string; data: T; error?: string };
  assert.equal(answer.status, 'success', answer.error);
  return answer.data;
}

async function query(expression: string): Promise<readonly Sample[]> {
  const { result } = await ask<{ result: Sample[] }>(
    `query?query=${encodeURIComponent(expression)}`,
  );
  return result;
}

/** Substitutes variables as Grafana does with all jobs and nodes selected. */
function filledIn(expression: string): string {
  const filled = expression
    .replaceAll(/\$(job|node)\b/g, '.*')
    .replaceAll('$__rate_interval', '30s');
  assert.doesNotMatch(filled, /\$/);
  return filled;
}

describe('Prometheus', () => {
  let folder: string;
  let prometheus: ChildProcess;
  const lists: Memberlist[] = [];
  const servers: Server[] = [];

  before(async () => {
    for (const n of NODES) {
      const registry = new Registry();
      const list = await Memberlist.create({
        ...localConfig(),
        name: `n${n}`,
        bindAddr: `127.6.0.${n}`,
        bindPort: 7946,
        metrics: { registry },
      });
      lists.push(list);
      const server = createServer((_request, response) => {
        void registry.metrics().then((text) => {
          response.setHeader('content-type', registry.contentType).end(text);
        });
      });
      servers.push(server.listen(9100, `127.6.0.${n}`));
    }
    // The fourth node does not join.
    const [, second, third] = lists;
    await second?.join(['127.6.0.1:7946']);
    await third?.join(['127.6.0.1:7946']);

    folder = await mkdtemp(join(tmpdir(), 'memberlist-prometheus-'));
    const targets = NODES.map((n) => `127.6.0.${n}:9100`);
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'cluster', static_configs: [{ targets }] }],
    };
    // YAML is a superset of JSON.
    await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const options = {
      'config.file': join(folder, 'prometheus.yml'),
      'storage.tsdb.path': join(folder, 'data'),
      'web.listen-address': PROMETHEUS,
    };
    const args = Object.entries(options).map(([option, value]) => `--${option}=${value}`);
    prometheus = spawn('prometheus', args, { stdio: 'ignore' });
    await eventually(
      'four nodes were scraped three times',
      () =>
        query(
          'min(count_over_time(memberlist_health_score[1m])) >= 3 and count(up == 1) == 4',
        ).catch(() => []),
      (samples) => samples.length === 1,
    );
    // A packet to drop: an unknown message type.
    const socket = createSocket('udp4');
    socket.send(Buffer.of(99), 7946, '127.6.0.1', () => socket.close());
  });

  after(async () => {
    const ended = once(prometheus, 'exit');
    prometheus.kill();
    await Promise.all([
      ended,
      ...lists.map((list) => list.shutdown()),
      ...servers.map((server) => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      }),
    ]);
    await rm(folder, { recursive: true });
  });

  it('promtool accepts the rules, and their tests pass', () => {
    for (const args of [
      ['check', 'rules', rules],
      ['test', 'rules', ruleTests],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
      assert.equal(status, 0, stdout + stderr);
    }
  });

  it('promtool accepts the scraped metrics', async () => {
    const text = await (await fetch('http://127.6.0.1:9100')).text();
    const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    assert.equal(lint.status, 0, lint.stdout + lint.stderr);
  });

  it('every expression of the dashboard matches samples', async () => {
    const { panels } = JSON.parse(await readFile(dashboard, 'utf8')) as { panels: Panel[] };
    const targets = panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ title, expr })),
    );
    assert.ok(targets.length > 35, `${targets.length}`);
    for (const { title, expr } of targets) {
      await eventually(
        `${title}: ${expr}`,
        () => query(filledIn(expr)),
        (samples) => samples.length > 0,
      );
    }
  });

  it('evaluates every rule, and detects the isolated node', async () => {
    const { groups } = await ask<{ groups: { rules: Rule[] }[] }>('rules');
    const all = groups.flatMap((group) => group.rules);
    assert.equal(all.length, 10);
    const found = new Map<string, readonly Sample[]>();
    for (const { name, query: expression } of all) found.set(name, await query(expression));
    assert.deepEqual(
      found.get('MemberlistIsolated')?.map(({ metric }) => metric.node),
      ['n4'],
    );
    const raised = [...found].filter(([, samples]) => samples.length > 0).map(([name]) => name);
    assert.deepEqual(raised.sort(), ['MemberlistIsolated', 'MemberlistSplitView']);
  });
});
