/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The machine on which the figures were measured.

import { spawnSync } from 'node:child_process';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';

/** The machine and the programs. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** The load average at the start of the run: processes that wanted a core. */
  readonly load: number;
  readonly system: string;
  readonly node: string;
  /** Undefined without Go. */
  readonly go: string | undefined;
}

/** This machine; with the version of `go` if there is one. */
export function thisMachine(hasGo: boolean): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? 0,
    system: `${type()} ${release()}, ${arch()}`,
    node: process.version,
    go: hasGo ? goVersion() : undefined,
  };
}

/** The version of the `go` on the path; undefined if there is none. */
export function goVersion(): string | undefined {
  const { status, stdout } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** The machine in a line. */
export function machineText({ cpu, cores, memoryGiB, system, node, go }: Machine): string {
  const programs = [`Node ${node}`, ...(go === undefined ? [] : [`Go ${go.replace(/^go/, '')}`])];
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; ${programs.join('; ')}`;
}

/** A warning if the machine was busy with other work; undefined otherwise. */
export function busyText({ load, cores }: Machine): string | undefined {
  if (load < cores / 2) return undefined;
  return `The machine was busy with other work when the run started (load ${load.toFixed(1)} on ${cores} cores): times are
longer than necessary and their ratios scatter; ratios of CPU scatter less.`;
}
