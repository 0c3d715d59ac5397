/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Five nodes in five processes with the LAN defaults. One of them blocks its event loop for three seconds,
// three times: longer than a probe round, shorter than a suspicion. Its own stall must not make it suspect
// other members, and the others may suspect it but must not declare it dead.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command, Report } from './stalled-node-child.js';

const script = fileURLToPath(new URL('./stalled-node-child.ts', import.meta.url));
const names = ['a', 'b', 'c', 'd', 'stalls'];
const stalls = 3;
const stallMs = 3_000;
const quietMs = 4_000;
const deadlineMs = 30_000;

/** A node in a separate process, and all its reports. */
class Child {
  readonly name: string;
  readonly reports: Report[] = [];
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  #check: () => void = () => undefined;

  constructor(name: string) {
    this.name = name;
    this.#process = fork(script, [name], { execArgv: ['--import', 'tsx'] });
    this.#exited = once(this.#process, 'exit');
    this.#process.on('message', (report: Report) => {
      this.reports.push(report);
      this.#check();
    });
  }

  /** The last report of a kind. */
  last<Kind extends Report['is']>(kind: Kind): Extract<Report, { is: Kind }> | undefined {
    return this.reports.filter((report) => report.is === kind).at(-1) as never;
  }

  events(): Extract<Report, { is: 'event' }>[] {
    return this.reports.filter((report) => report.is === 'event');
  }

  send(command: Command): void {
    this.#process.send(command);
  }

  /** Resolves at the first report after which `holds`. */
  until(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`${this.name}: ${what} within ${deadlineMs} ms`));
      const deadline = setTimeout(late, deadlineMs);
      this.#check = () => {
        if (!holds()) return;
        clearTimeout(deadline);
        this.#check = () => undefined;
        resolve();
      };
      this.#check();
    });
  }

  async stop(): Promise<void> {
    if (this.#process.connected) this.send({ do: 'stop' });
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), deadlineMs);
    await this.#exited;
    clearTimeout(kill);
  }
}

async function startCluster(): Promise<Child[]> {
  const children = names.map((name) => new Child(name));
  await Promise.all(
    children.map((child) => child.until(() => child.last('ready') !== undefined, 'starts')),
  );
  const seed = children[0]!.last('ready')!.address;
  for (const child of children.slice(1)) child.send({ do: 'join', seed });
  await Promise.all(
    children.map((child) =>
      child.until(() => child.last('members')?.names.length === names.length, 'sees all'),
    ),
  );
  return children;
}

/** All reports in send, for the text of a failure. */
function timeline(children: readonly Child[]): string {
  return children
    .flatMap(({ name, reports }) =>
      reports.flatMap((report) => {
        if (report.is === 'event') {
          return [{ at: report.at, text: `${name}: ${report.type} ${report.about}` }];
        }
        return report.is === 'log' && !report.line.includes('queued')
          ? [{ at: report.at, text: `${name} logs: ${report.line}` }]
          : [];
      }),
    )
    .sort((one, other) => one.at - other.at)
    .map(({ at, text }) => `${at} ${text}`)
    .join('\n');
}

void describe('a node whose event loop stalls', () => {
  void it(`suspects no member and is not declared dead, ${stalls} times ${stallMs} ms`, async (t) => {
    const children = await startCluster();
    const others = children.slice(0, -1);
    const staller = children.at(-1)!;
    const before = new Map(children.map((child) => [child, child.events().length]));
    try {
      for (let stall = 1; stall <= stalls; stall++) {
        const before = staller.reports.length;
        const isOver = (): boolean =>
          staller.reports.slice(before).some((report) => report.is === 'stalled');
        staller.send({ do: 'stall', ms: stallMs });
        await staller.until(isOver, 'ends its stall');
        // Long enough for a probe round during the stall to end, and for a refutation to spread.
        await new Promise((resolve) => setTimeout(resolve, quietMs));
      }
      const since = (child: Child): string[] =>
        child
          .events()
          .slice(before.get(child))
          .filter(({ type }) => type !== 'health')
          .map(({ type, about }) => `${type} ${about}`);
      t.diagnostic(
        `events of the others: ${others.map((child) => since(child).join(', ')).join(' | ')}`,
      );
      assert.deepEqual(since(staller), [], timeline(children));
      for (const child of others) {
        // It may be suspected, and then refutes; no other events are allowed.
        const allowed = new Set(['suspect stalls', 'refute stalls']);
        const unexpected = since(child).filter((event) => !allowed.has(event));
        assert.deepEqual(unexpected, [], timeline(children));
        const last = since(child).at(-1);
        assert.notEqual(last, 'suspect stalls', timeline(children));
        assert.equal(child.last('members')?.names.length, names.length);
      }
    } finally {
      await Promise.all(children.map((child) => child.stop()));
    }
  });
});
