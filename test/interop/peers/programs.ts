/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The programs of the nodes under test: Go memberlist at several versions, built from go-peer, and our own.
import { fileURLToPath } from 'node:url';
import { buildGo } from './build-go.js';
import type { PeerSettings } from './peer.js';
import { PeerProcess } from './peer-process.js';

/** A version of Go memberlist and how go-peer is built with it. */
export interface GoVersion {
  readonly version: string;
  readonly modFile: string;
  readonly tags: readonly string[];
  readonly hasLabels: boolean;
}

/** The oldest supported version, two that are widely deployed, and the newest. */
export const goVersions: readonly GoVersion[] = [
  { version: '0.2.2', modFile: 'v0.2.2.mod', tags: ['nolabel'], hasLabels: false },
  { version: '0.5.4', modFile: 'v0.5.4.mod', tags: [], hasLabels: true },
  { version: '0.6.0', modFile: 'go.mod', tags: [], hasLabels: true },
  { version: '0.7.0', modFile: 'v0.7.0.mod', tags: [], hasLabels: true },
];

/** Grafana's fork, as used by Mimir, Loki and Tempo: the only one that can send snappy. */
export const grafanaFork: GoVersion = {
  version: 'grafana-1798cf4',
  modFile: 'grafana.mod',
  tags: ['grafana'],
  hasLabels: true,
};

const goPeer = fileURLToPath(new URL('../go-peer/', import.meta.url));
const cache = fileURLToPath(new URL('../../../node_modules/.cache/interop/', import.meta.url));
const ourPeer = fileURLToPath(new URL('our-peer.ts', import.meta.url));

/** The title of a version in the table. */
export function titleOf({ version }: GoVersion): string {
  return `Go memberlist ${version}`;
}

function binaryOf({ version }: GoVersion): string {
  return `${cache}go-peer-${version}`;
}

/**
 * Builds go-peer with one version; quick when it was built before.
 *
 * @returns the error; undefined on success
 */
export function buildGoPeer(version: GoVersion): string | undefined {
  const { modFile, tags } = version;
  const options = ['-tags', tags.join(), `-modfile=${modFile}`];
  return buildGo({ folder: goPeer, output: binaryOf(version), options });
}

/** A node of Go memberlist. */
export function goNode(version: GoVersion, settings: PeerSettings): PeerProcess {
  return new PeerProcess([binaryOf(version)], settings);
}

/** A node of ours as a separate process. */
export function ourProcess(settings: PeerSettings): PeerProcess {
  return new PeerProcess([process.execPath, '--import', 'tsx', ourPeer], settings);
}
