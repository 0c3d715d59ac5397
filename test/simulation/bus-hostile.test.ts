/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Members that hold the key and lie: what they send is bounded and counted, and other members are not affected.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Registry } from 'prom-client';
import { dataHead, digestEntry, digestOf, encodeFrame } from '../../src/bus/encode.js';
import { relayHead, repairHead } from '../../src/bus/encode.js';
import { createBus } from '../../src/bus/index.js';
import { createRecord, packRecords, type BusRecord } from '../../src/bus/records.js';
import { lanConfig, type Extension, type ExtensionContext } from '../../src/index.js';
import { SeededRandom, SimulatedCluster } from '../../src/testing/index.js';

const TOPIC = 'news';
const bootId = (n: number): string => n.toString(16).padStart(16, '0');
const record = (seq: number, text = 'forged'): BusRecord =>
  createRecord(seq, { topic: TOPIC, payload: Buffer.from(text), confirm: false });
const framed = (head: Buffer, ...records: BusRecord[]): Buffer =>
  packRecords(head, records, { start: 0, maxBytes: Infinity }).frame;

/** Two honest nodes with a bus, and one whose extension sends what the test wants. */
class Scene {
  readonly texts: string[] = [];
  readonly gaps: unknown[] = [];
  readonly registry = new Registry();
  /** What the forger receives. */
  readonly received: Buffer[] = [];
  readonly buses = [createBus(), createBus()] as const;
  cluster!: SimulatedCluster;
  forger!: ExtensionContext;

  static async create(): Promise<Scene> {
    const scene = new Scene();
    const forging: Extension = {
      name: 'bus',
      version: 1,
      attach: (context) => {
        scene.forger = context;
        return { message: (payload) => void scene.received.push(payload) };
      },
    };
    scene.cluster = await SimulatedCluster.create({
      size: 3,
      config: (name, i) => ({
        ...lanConfig(),
        ...{ logger: false, use: [scene.buses[i] ?? forging] },
        ...(name === 'n0' && { metrics: { registry: scene.registry } }),
      }),
    });
    scene.buses[0].subscribe(TOPIC, ({ payload, publisher }) => {
      scene.texts.push(`${publisher} ${payload.toString()}`);
    });
    scene.buses[0].on('gap', (gap) => scene.gaps.push(gap));
    await scene.cluster.joinAll();
    await scene.cluster.runUntil(() => scene.cluster.converged());
    return scene;
  }

  /** The forger sends a frame to the first node. */
  async send(frame: Buffer): Promise<void> {
    const { forger } = this;
    const isSmall = frame.length <= forger.packetBudget;
    const sent = isSmall ? forger.send('n0', frame) : forger.sendReliable('n0', frame);
    await this.cluster.during(sent);
  }

  /** A metric of the first node. */
  async metric(name: string): Promise<number> {
    const metric = await this.registry.getSingleMetric(`memberlist_bus_${name}`)?.get();
    return metric?.values[0]?.value ?? assert.fail(`no metric ${name}`);
  }

  async publish(text: string): Promise<void> {
    await this.cluster.during(this.buses[1].publish(TOPIC, Buffer.from(text)));
  }

  /** The honest nodes still exchange messages. */
  async works(): Promise<void> {
    const before = this.texts.length;
    await this.publish('real');
    await this.cluster.runUntil(() => this.texts.length > before, { timeout: 5_000 });
    assert.equal(this.texts.at(-1), 'n1 real');
    await this.cluster.close();
    assert.deepEqual(this.cluster.internalErrors, []);
    assert.equal(this.cluster.timersLeft, 0);
  }
}

suite('a hostile member', () => {
  test('cannot begin the stream of another member, or of one that does not exist', async () => {
    const scene = await Scene.create();
    for (const publisher of ['n1', 'nobody']) {
      const head = relayHead({ publisher, boot: bootId(1) });
      await scene.send(framed(head, record(1)));
      await scene.send(framed(repairHead({ ...noEnd, publisher, boot: bootId(1) }), record(1)));
      const entry = { publisher, boot: bootId(1), lowest: 1, high: 9, isFinal: false };
      await scene.send(digestOf(noFlags, [digestEntry(entry)]));
    }
    await scene.cluster.run(1_000);
    assert.deepEqual(scene.texts, []);
    // The real incarnation of that member, which was asked.
    assert.equal(await scene.metric('publishers'), 1);
    assert.ok((await scene.metric('dropped_unknown_publisher_total')) >= 2);
    assert.ok((await scene.metric('dropped_unexpected_total')) >= 2);
    await scene.works();
  });

  test('cannot make a member skip messages of another one', async () => {
    const scene = await Scene.create();
    await scene.publish('one');
    const { bootId: boot } = scene.buses[1];
    const far = 2 ** 52;
    await scene.send(framed(relayHead({ publisher: 'n1', boot }), record(far)));
    const entry = { publisher: 'n1', boot, lowest: far, high: far, isFinal: true };
    await scene.send(digestOf(noFlags, [digestEntry(entry)]));
    const end = { publisher: 'n1', boot, isLast: true, lowest: far, high: far };
    await scene.send(repairHead(end));
    await scene.cluster.run(2_000);
    assert.equal(await scene.metric('dropped_beyond_window_total'), 1);
    // It was asked for what it offers, and may answer: its word is no end of another publisher.
    assert.ok(scene.received.some((frame) => frame[1] === FETCH));
    await scene.send(repairHead(end));
    await scene.cluster.run(2_000);
    assert.deepEqual(scene.gaps, []);
    await scene.works();
  });

  test('that claims absurd numbers of its own costs a few packets', async () => {
    const scene = await Scene.create();
    const own = { publisher: '', boot: bootId(7), lowest: 1, high: 2 ** 53 - 1, isFinal: false };
    const digest = digestOf({ ...noFlags, wantsAck: true }, [digestEntry(own)]);
    await scene.send(framed(dataHead({ boot: bootId(7), isDirect: true }), record(1), record(3)));
    await scene.send(digest);
    await scene.cluster.run(60_000);
    assert.deepEqual(scene.texts, ['n2 forged']);
    const fetches = scene.received.filter((frame) => frame[1] === FETCH);
    assert.ok(fetches.length > 10 && fetches.length < 200, `${fetches.length} fetches`);
    await scene.works();
  });

  test('that floods a node with boot ids opens a few streams', async () => {
    const scene = await Scene.create();
    for (let i = 1; i <= 2_000; i++) {
      await scene.send(framed(dataHead({ boot: bootId(i), isDirect: true }), record(1)));
      await scene.send(framed(dataHead({ boot: bootId(i), isDirect: true }), record(500)));
    }
    await scene.cluster.run(1_000);
    assert.ok((await scene.metric('publishers')) <= 2);
    assert.ok((await scene.metric('dropped_pending_full_total')) > 1_000);
    const hellos = scene.received.filter((frame) => frame[1] === HELLO);
    assert.ok(hellos.length < 100, `${hellos.length} questions`);
    await scene.works();
  });

  test('that answers each question with another boot id has four streams', async () => {
    const scene = await Scene.create();
    let answered = 0;
    for (let i = 1; i <= 200; i++) {
      await scene.send(framed(dataHead({ boot: bootId(i), isDirect: true }), record(5)));
      await scene.cluster.run(10);
      for (const frame of scene.received.splice(0)) {
        if (frame[1] !== HELLO) continue;
        const to = frame.subarray(2, 10).toString('hex');
        const welcome = { boot: bootId(i), to, base: 0, high: 10, ageMs: 1, listedMs: 0 };
        await scene.send(encodeFrame({ type: 'welcome', ...welcome }));
        answered++;
      }
    }
    assert.ok(answered > 10);
    await scene.cluster.run(10);
    assert.ok((await scene.metric('publishers')) <= 4);
    await scene.works();
  });

  test('that lists 100,000 publishers in digests creates no state', async () => {
    const scene = await Scene.create();
    for (let at = 0; at < 100_000; at += 1_000) {
      const entries = Array.from({ length: 1_000 }, (_, i) =>
        digestEntry({
          ...{ publisher: i % 2 === 0 ? `p${at + i}` : 'n1', boot: bootId(at + i) },
          ...{ lowest: 1, high: 10, isFinal: false },
        }),
      );
      await scene.send(digestOf(noFlags, entries));
    }
    await scene.cluster.run(1_000);
    assert.equal(await scene.metric('publishers'), 1, 'that of the real member');
    await scene.works();
  });

  test('that fetches without end gets what is allowed', async () => {
    const scene = await Scene.create();
    const large = Buffer.alloc(200_000);
    for (let i = 0; i < 15; i++) {
      await scene.cluster.during(scene.buses[0].publish(TOPIC, large));
    }
    const { bootId: boot } = scene.buses[0];
    const ranges = [{ from: 1, to: 15 }];
    for (let i = 0; i < 500; i++) {
      await scene.send(encodeFrame({ type: 'fetch', publisher: '', boot, ranges }));
    }
    await scene.cluster.run(1_000);
    const bytes = scene.received.reduce((sum, { length }) => sum + length, 0);
    assert.ok(bytes < 30 * 1024 * 1024, `${bytes} bytes`);
    assert.ok((await scene.metric('dropped_rate_limited_total')) > 100);
    await scene.works();
  });

  test('that sends arbitrary frames of all types causes nothing', async () => {
    const scene = await Scene.create();
    const random = new SeededRandom('hostile');
    for (let i = 0; i < 5_000; i++) {
      const length = Math.floor(random.next() * 60);
      const bytes = Array.from({ length }, () => Math.floor(random.next() * 256));
      await scene.send(Buffer.from([1, Math.floor(random.next() * 15), ...bytes]));
    }
    assert.deepEqual(scene.texts, []);
    await scene.works();
  });

  test('that asks without end has its requests limited', async () => {
    const scene = await Scene.create();
    let running = 0;
    scene.buses[0].respond('stock', () => {
      running++;
      return new Promise<never>(() => undefined);
    });
    for (let id = 1; id <= 1_000; id++) {
      const request = { boot: bootId(1), id, timeoutMs: 1_000, topic: 'stock' };
      await scene.send(encodeFrame({ type: 'request', ...request, payload: Buffer.alloc(10) }));
    }
    await scene.cluster.run(100);
    assert.equal(running, 64);
    await scene.works();
  });
});

const FETCH = 4;
const HELLO = 6;
const noFlags = { wantsAck: false, isReply: false, isOffer: false };
const noEnd = { isLast: false, lowest: 1, high: 1 };
