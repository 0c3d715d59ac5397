/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { AliveDelegate } from '../../../src/index.js';
import { Cluster, Log, addressOf, meet, until } from './cluster.js';
import {
  allDelegates,
  type DelegateMethod,
  delegateMethods,
  eventNames,
  everyEvent,
  everythingHappensTo,
  suspicious,
} from './everything.js';

async function callbackErrors(registry: Registry): Promise<number | undefined> {
  const metric = await registry.getSingleMetric('memberlist_callback_errors_total')?.get();
  return metric?.values[0]?.value;
}

void describe('listeners that throw or reject', () => {
  for (const how of ['throw', 'reject'] as const) {
    void it(`stop nothing when all ${how}, and are counted and logged`, async () => {
      await using cluster = new Cluster();
      const registry = new Registry();
      const log = new Log();
      const seen = new Set<string>();
      const a = await cluster.node('a', {
        ...suspicious,
        metrics: { registry },
        logger: log,
        ping: {
          notifyPingComplete: () => void seen.add('notifyPingComplete'),
          ackPayload: () => {
            seen.add('ackPayload');
            return Buffer.of(1);
          },
        },
      });
      let thrown = 0;
      const handlers = everyEvent((event) => {
        thrown++;
        const error = new Error(`${event} is not for me`);
        if (how === 'reject') return Promise.reject(error);
        throw error;
      });
      const others = everyEvent((event) => seen.add(event));
      for (const event of eventNames) {
        a.on(event, handlers[event]);
        a.on(event, others[event]);
      }
      await everythingHappensTo(a, cluster, () => false, seen);
      for (const event of eventNames) assert.ok(seen.has(event), event);
      const least = thrown;
      await new Promise(setImmediate);
      const counted = (await callbackErrors(registry)) ?? 0;
      assert.ok(counted >= least && counted <= thrown, `${least} … ${thrown}: ${counted}`);
      await a.shutdown();
      // Each is in the log, if only by its number.
      const told = log
        .of('callback-threw')
        .map(({ fields }) => 1 + Number(fields.suppressed ?? 0))
        .reduce((sum, lines) => sum + lines, 0);
      assert.equal(told, thrown);
      const [line] = log.of('callback-threw');
      assert.equal(line?.level, 'error');
      assert.match(line.message, /a listener of 'join' threw: join is not for me/);
    });
  }

  void it('do not keep later listeners from hearing it, nor the iterator', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const stream = a.events();
    const heard: string[] = [];
    a.on('join', () => {
      throw new Error('first');
    });
    a.once('join', () => {
      heard.push('once');
      throw new Error('second');
    });
    a.on('join', ({ name }) => heard.push(name));
    const b = await cluster.node('b');
    await b.join([addressOf(a).addr]);
    await until(a, () => heard.length === 2);
    assert.deepEqual(heard, ['once', 'b']);
    assert.equal(((await stream.next()).value as { type: string }).type, 'join');
  });

  void it('may throw what is no error', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const a = await cluster.node('a', { logger: log });
    a.on('join', () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw 'a text';
    });
    const b = await cluster.node('b');
    await b.join([addressOf(a).addr]);
    await until(a, () => log.of('callback-threw').length === 1);
    assert.match(log.of('callback-threw')[0]?.message ?? '', /a text/);
  });
});

// These refuse by throwing, or are asked before there is a node.
const throwsAreAnswers: readonly DelegateMethod[] = ['nodeMeta', 'notifyMerge', 'notifyAlive'];

void describe('delegates that throw', () => {
  void it('stop nothing when all do, and are counted and logged', async () => {
    await using cluster = new Cluster();
    const registry = new Registry();
    const log = new Log();
    const seen = new Set<string>();
    const a = await cluster.node('a', {
      ...suspicious,
      ...allDelegates((method) => {
        seen.add(method);
        if (!throwsAreAnswers.includes(method)) throw new Error(`${method} broke`);
      }),
      metrics: { registry },
      logger: log,
    });
    const heard = everyEvent((event) => seen.add(event));
    for (const event of eventNames) a.on(event, heard[event]);
    await everythingHappensTo(a, cluster, () => false, seen);
    for (const method of delegateMethods) {
      assert.ok(seen.has(method), method);
      const lines = log.of('callback-threw').filter(({ fields }) => fields.callback === method);
      if (throwsAreAnswers.includes(method)) assert.equal(lines.length, 0, method);
      else assert.match(lines[0]?.message ?? '', new RegExp(`${method} broke`), method);
    }
    const metric = await registry.getSingleMetric('memberlist_callback_errors_total')?.get();
    assert.ok((metric?.values[0]?.value ?? 0) >= delegateMethods.length - 3);
  });

  void it('do not take the process down when they are async by mistake', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const fails = (): Promise<void> => Promise.reject(new Error('too late'));
    const asynchronous = { notifyAlive: fails } as unknown as AliveDelegate;
    const a = await cluster.node('a', {
      logger: log,
      events: { notifyJoin: () => void 0, notifyLeave: fails as unknown as () => void },
      alive: asynchronous,
      merge: { notifyMerge: fails as unknown as () => void },
      delegate: { localState: fails as unknown as () => Buffer },
    });
    const b = await cluster.node('b');
    await meet([a, b]);
    await b.leave();
    const callbacks = ['localState', 'notifyAlive', 'notifyLeave', 'notifyMerge'];
    const logged = (): string[] => [
      ...new Set(log.of('callback-threw').map(({ fields }) => String(fields.callback))),
    ];
    await until(a, () => logged().length === callbacks.length);
    assert.deepEqual(logged().sort(), callbacks);
  });
});
