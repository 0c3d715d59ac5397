/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { kubernetesConfig } from '../../../src/discovery/kubernetes.js';
import { lanConfig } from '../../../src/config/presets.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { ConfigError } from '../../../src/errors.js';

const env = { POD_NAME: 'web-0', POD_IP: '10.1.2.3', POD_NAMESPACE: 'shop' };

function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(({ field }) => field);
  }
  return [];
}

suite('kubernetesConfig', () => {
  test('is what a pod needs, and passes all rules', () => {
    const config = kubernetesConfig({ service: 'web-gossip' }, env);
    assert.deepEqual(config, {
      ...lanConfig(),
      name: 'web-0',
      bindAddr: '0.0.0.0',
      bindPort: 7946,
      advertiseAddr: '10.1.2.3',
      label: 'shop/web-gossip',
      seeds: ['web-gossip.shop.svc:7946'],
      deadNodeReclaimTime: 1_000,
    });
    assert.equal(resolveConfig(config).name, 'web-0');
  });

  test('takes seeds from SRV records where the port has a name', () => {
    const options = { service: 'web', namespace: 'other', port: 80, portName: 'gossip' };
    const { seeds, bindPort, label } = kubernetesConfig(options, env);
    assert.deepEqual(seeds, ['srv+_gossip._udp.web.other.svc.cluster.local']);
    assert.deepEqual([bindPort, label], [80, 'other/web']);
    const { seeds: own } = kubernetesConfig({ ...options, clusterDomain: 'k8s.example.org' }, env);
    assert.deepEqual(own, ['srv+_gossip._udp.web.other.svc.k8s.example.org']);
    resolveConfig(kubernetesConfig(options, env));
  });

  test('binds both families where the pod has an IPv6 address, and takes its name from the host', () => {
    const ipv6 = { HOSTNAME: 'web-1', POD_IP: 'fd00::3', POD_NAMESPACE: 'shop' };
    const { bindAddr, name, advertiseAddr } = kubernetesConfig({ service: 'web' }, ipv6);
    assert.deepEqual([bindAddr, name, advertiseAddr], ['::', 'web-1', 'fd00::3']);
  });

  test('tells all that is wrong or missing at once', () => {
    const wrong = { service: 'Web', namespace: 'a_b', port: 0, portName: '_x', clusterDomain: '' };
    assert.deepEqual(
      problemsOf(() => kubernetesConfig(wrong, { POD_IP: 'none' })),
      ['service', 'namespace', 'port', 'portName', 'clusterDomain', 'POD_NAME', 'POD_IP'],
    );
  });
});

test('the manifest of docs/KUBERNETES.md has what kubernetesConfig reads', () => {
  const text = readFileSync(new URL('../../../docs/KUBERNETES.md', import.meta.url), 'utf8');
  for (const [variable, path] of [
    ['POD_NAME', 'metadata.name'],
    ['POD_NAMESPACE', 'metadata.namespace'],
    ['POD_IP', 'status.podIP'],
  ] as const) {
    assert.match(text, new RegExp(`name: ${variable}\\n.*\\{ fieldPath: ${path} \\}`));
  }
  assert.match(text, /clusterIP: None/);
  assert.match(text, /publishNotReadyAddresses: true/);
  for (const protocol of ['UDP', 'TCP']) {
    assert.match(text, new RegExp(`port: 7946, protocol: ${protocol}`));
  }
});
