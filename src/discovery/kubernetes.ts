/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The settings of a pod, from its environment (docs/KUBERNETES.md).
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { ConfigError, type ConfigProblem } from '../errors.js';
import { lanConfig, type PresetConfig } from '../config/presets.js';

/** The service that the pods of a cluster belong to. */
export interface KubernetesOptions {
  /** The name of the headless service. */
  readonly service: string;
  /** Default: the environment's POD_NAMESPACE, or that of the pod's service account. */
  readonly namespace?: string | undefined;
  /** The port of all pods, UDP and TCP: 1 to 65535. Default: 7946. */
  readonly port?: number | undefined;
  /** The name of the service's UDP port: seeds come from its SRV records. Default: from A and AAAA records. */
  readonly portName?: string | undefined;
  /** The DNS domain of the Kubernetes cluster, for SRV records. Default: `cluster.local`. */
  readonly clusterDomain?: string | undefined;
}

/** The result of {@link kubernetesConfig}. */
export interface KubernetesConfig extends PresetConfig {
  name: string;
  advertiseAddr: string;
  seeds: string[];
}

/** Pods usually keep their names and change their addresses: one that has been dead for this long has moved. */
const RECLAIM_MS = 1_000;
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
const dnsLabel = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * `lanConfig()` for a pod: its name from the environment's POD_NAME or HOSTNAME, the address to
 * advertise from POD_IP, seeds from the records of the headless service, a label of namespace and
 * service, so that no two clusters ever mix, names that may come back at new addresses, and rejoin.
 *
 * @returns a new object at each call, to be spread
 * @throws ConfigError with all that is wrong or missing
 */
export function kubernetesConfig(
  options: KubernetesOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): KubernetesConfig {
  const { service, port = 7946, portName, clusterDomain = 'cluster.local' } = options;
  const namespace = options.namespace ?? env.POD_NAMESPACE ?? namespaceOfAccount();
  const name = env.POD_NAME ?? env.HOSTNAME;
  const advertiseAddr = env.POD_IP;
  const isDomain = clusterDomain.split('.').every((label) => dnsLabel.test(label));
  const label = 'must be a DNS label: lower-case letters, digits and hyphens, 63 at most';
  const fromField = (path: string): string => `set it by a fieldRef to ${path}`;
  const problems = [
    check('service', service, isLabel(service), label),
    check('namespace', namespace, isLabel(namespace), `${label}; or set POD_NAMESPACE`),
    check('port', port, isPort(port), 'must be an integer 1–65535'),
    check('portName', portName, portName === undefined || isLabel(portName), label),
    check('clusterDomain', clusterDomain, isDomain, 'must be a DNS name'),
    check('POD_NAME', name, isText(name), `is missing; ${fromField('metadata.name')}`),
    check(
      'POD_IP',
      advertiseAddr,
      isIp(advertiseAddr),
      `must be an IP; ${fromField('status.podIP')}`,
    ),
  ].flat();
  if (problems.length > 0) throw new ConfigError(problems);
  const host = `${service}.${namespace}.svc`;
  const seed =
    portName === undefined ? `${host}:${port}` : `srv+_${portName}._udp.${host}.${clusterDomain}`;
  return {
    ...lanConfig(),
    name: name as string,
    bindAddr: isIP(advertiseAddr as string) === 6 ? '::' : '0.0.0.0',
    bindPort: port,
    advertiseAddr: advertiseAddr as string,
    label: `${namespace}/${service}`,
    seeds: [seed],
    deadNodeReclaimTime: RECLAIM_MS,
  };
}

function check(field: string, value: unknown, holds: boolean, rule: string): ConfigProblem[] {
  return holds ? [] : [{ field, value, rule }];
}

function isLabel(value: unknown): boolean {
  return typeof value === 'string' && dnsLabel.test(value);
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isIp(value: unknown): boolean {
  return typeof value === 'string' && isIP(value) !== 0;
}

function namespaceOfAccount(): string | undefined {
  try {
    return readFileSync(NAMESPACE_FILE, 'utf8').trim();
  } catch {
    return undefined;
  }
}
