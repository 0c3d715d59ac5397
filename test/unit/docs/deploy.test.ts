/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checks the deployment files against the service that they deploy.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const main = read('examples/http-service/main.ts');
const kubernetes = read('examples/deploy/kubernetes.yaml');
const compose = read('examples/deploy/compose.yml');
const dockerfile = read('examples/deploy/Dockerfile');

test('the service reads the environment variables that the files set', () => {
  const known = ['NAME', 'BIND', 'HTTP', 'SEEDS', 'KEY'];
  for (const name of known) assert.match(main, new RegExp(`\\b${name}\\b`));
  const set = [
    ...Array.from(kubernetes.matchAll(/- name: ([A-Z]+)$/gm), ([, name]) => name ?? ''),
    ...Array.from(compose.matchAll(/^ {6}([A-Z]+):/gm), ([, name]) => name ?? ''),
  ];
  assert.ok(set.length >= 5);
  for (const name of set) assert.ok(known.includes(name), name);
});

test('the files that the image copies and runs exist', () => {
  for (const [, from = ''] of dockerfile.matchAll(/^COPY (.+) \S+$/gm)) {
    for (const path of from.split(' ')) assert.ok(existsSync(join(root, path)), path);
  }
  const command = JSON.parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] ?? '') as string[];
  assert.equal(command[0], 'node', 'nothing stands between the signals and the process');
  assert.ok(existsSync(join(root, command.at(-1) ?? '')));
});

test('gossip is open over both protocols wherever ports are named', () => {
  assert.match(dockerfile, /EXPOSE .*7946\/tcp 7946\/udp/);
  const tcp = kubernetes.match(/7946, protocol: TCP/g)?.length;
  const udp = kubernetes.match(/7946, protocol: UDP/g)?.length;
  assert.deepEqual([tcp, udp], [3, 3]);
});

test('the seeds are the headless service, which includes pods that are starting', () => {
  assert.match(kubernetes, /serviceName: web-gossip/);
  assert.match(kubernetes, /name: SEEDS\n\s+value: web-gossip/);
  assert.match(kubernetes, /clusterIP: None[^]*publishNotReadyAddresses: true/);
  assert.match(compose, /^ {2}web:[^]*SEEDS: web$/m);
});
