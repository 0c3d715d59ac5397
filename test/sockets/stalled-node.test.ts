/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Five nodes in five processes, with the defaults of a LAN. One of them blocks its event loop for
// three seconds, three times: longer than a probe round, shorter than a suspicion. Its own stall
// must not make it accuse anybody, and the others may suspect it but must not lose it.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command, Telling } from './stalled-node-child.js';

const script = fileURLToPath(new URL('./stalled-node-child.ts', import.meta.url));
const names = ['a', 'b', 'c', 'd', 'stalls'];
const stalls = 3;
const stallMs = 3_000;
const quietMs = 4_000;
const deadlineMs = 30_000;

/** A node in a process of its own, and all that it told. */
class Child {
  readonly name: string;
  readonly told: Telling[] = [];
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  #look: () => void = () => undefined;

  constructor(name: string) {
    this.name = name;
    this.#process = fork(script, [name], { execArgv: ['--import', 'tsx'] });
    this.#exited = once(this.#process, 'exit');
    this.#process.on('message', (telling: Telling) => {
      this.told.push(telling);
      this.#look();
    });
  }

  /** The last thing of a kind that it told. */
  last<Kind extends Telling['is']>(kind: Kind): Extract<Telling, { is: Kind }> | undefined {
    return this.told.filter((telling) => telling.is === kind).at(-1) as never;
  }

  events(): Extract<Telling, { is: 'event' }>[] {
    return this.told.filter((telling) => telling.is === 'event');
  }

  order(command: Command): void {
    this.#process.send(command);
  }

  /** Resolves at the first thing it tells after which `holds`. */
  until(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`${this.name}: ${what} within ${deadlineMs} ms`));
      const deadline = setTimeout(late, deadlineMs);
      this.#look = () => {
        if (!holds()) return;
        clearTimeout(deadline);
        this.#look = () => undefined;
        resolve();
      };
      this.#look();
    });
  }

  async stop(): Promise<void> {
    if (this.#process.connected) this.order({ do: 'stop' });
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
  for (const child of children.slice(1)) child.order({ do: 'join', seed });
  await Promise.all(
    children.map((child) =>
      child.until(() => child.last('members')?.names.length === names.length, 'sees all'),
    ),
  );
  return children;
}

/** What a child told from a moment on, for a failure's text. */
function story(children: readonly Child[]): string {
  return children
    .flatMap(({ name, told }) =>
      told.flatMap((telling) => {
        if (telling.is === 'event') {
          return [{ at: telling.at, text: `${name}: ${telling.type} ${telling.about}` }];
        }
        return telling.is === 'log' && !telling.line.includes('queued')
          ? [{ at: telling.at, text: `${name} logs: ${telling.line}` }]
          : [];
      }),
    )
    .sort((one, other) => one.at - other.at)
    .map(({ at, text }) => `${at} ${text}`)
    .join('\n');
}

void describe('a node whose event loop stalls', () => {
  void it(`accuses nobody and is not lost, ${stalls} times ${stallMs} ms`, async (t) => {
    const children = await startCluster();
    const others = children.slice(0, -1);
    const staller = children.at(-1)!;
    const before = new Map(children.map((child) => [child, child.events().length]));
    try {
      for (let stall = 1; stall <= stalls; stall++) {
        const told = staller.told.length;
        const isOver = (): boolean =>
          staller.told.slice(told).some((telling) => telling.is === 'stalled');
        staller.order({ do: 'stall', ms: stallMs });
        await staller.until(isOver, 'ends its stall');
        // Long enough for a round that the stall has spoilt to end, and for a refutation to spread.
        await new Promise((resolve) => setTimeout(resolve, quietMs));
      }
      const since = (child: Child): string[] =>
        child
          .events()
          .slice(before.get(child))
          .filter(({ type }) => type !== 'health')
          .map(({ type, about }) => `${type} ${about}`);
      t.diagnostic(
        `the others told: ${others.map((child) => since(child).join(', ')).join(' | ')}`,
      );
      assert.deepEqual(since(staller), [], story(children));
      for (const child of others) {
        // It may be suspected, and then it refutes; nothing else may happen to anybody.
        const allowed = new Set(['suspect stalls', 'recover stalls']);
        const unexpected = since(child).filter((event) => !allowed.has(event));
        assert.deepEqual(unexpected, [], story(children));
        const last = since(child).at(-1);
        assert.notEqual(last, 'suspect stalls', story(children));
        assert.equal(child.last('members')?.names.length, names.length);
      }
    } finally {
      await Promise.all(children.map((child) => child.stop()));
    }
  });
});
