/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The agent's commands for the bus, the state and the ring, on simulated nodes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandLine, toolkitCommands, toolkitOf } from '../../../src/cli/agent-toolkit.js';
import type { Toolkit } from '../../../src/cli/agent-toolkit.js';
import { UsageError } from '../../../src/cli/command.js';
import { lineFormat } from '../../../src/cli/line-format.js';
import { lanConfig } from '../../../src/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

type Line = Readonly<Record<string, unknown>>;

/** Two agents: `n0` and `n1`, with what their options ask for. */
class Agents {
  readonly lines: Record<string, Line[]> = {};
  readonly #execute = new Map<string, (text: string) => Promise<Line>>();
  readonly toolkits = new Map<string, Toolkit>();

  private constructor(readonly cluster: SimulatedCluster) {}

  static async start(values: Record<string, boolean>): Promise<Agents> {
    const made = [await toolkitOf(values), await toolkitOf(values)];
    let created = 0;
    const names: string[] = [];
    const cluster = await SimulatedCluster.create({
      size: 2,
      config: (name) => {
        names.push(name);
        return { ...lanConfig(), logger: false, use: made[created++]?.extensions };
      },
    });
    const agents = new Agents(cluster);
    for (const [i, name] of names.entries()) {
      const lines: Line[] = [];
      const toolkit = made[i] as Toolkit;
      agents.lines[name] = lines;
      agents.toolkits.set(name, toolkit);
      const list = cluster.node(name);
      const all = toolkitCommands(list, toolkit, (line) => void lines.push(line as Line));
      agents.#execute.set(name, async (text) => {
        for (const commands of all) {
          const reply = await commands.execute(commandLine(text));
          if (reply !== undefined) return reply as Line;
        }
        throw new Error('no such command');
      });
    }
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged());
    await cluster.run(1_000);
    return agents;
  }

  get names(): [string, string] {
    return [...this.#execute.keys()] as [string, string];
  }

  /** The reply to a command, after a second. */
  async say(name: string, text: string): Promise<Line> {
    const reply = this.#execute.get(name)?.(text);
    reply?.catch(() => undefined);
    await this.cluster.run(1_000);
    return (await reply) ?? {};
  }

  /** The lines since the last call. */
  heard(name: string): Line[] {
    return this.lines[name]?.splice(0) ?? [];
  }
}

test('a message reaches the subscribers of its topic, with its spaces', async () => {
  const agents = await Agents.start({ bus: true });
  const [a, b] = agents.names;
  assert.deepEqual(await agents.say(b, 'subscribe prices'), { topic: 'prices' });
  const { id, peers } = await agents.say(a, 'publish prices one  two ');
  assert.equal(peers, 1);
  const text = 'one  two ';
  assert.deepEqual(agents.heard(b), [
    {
      ...{ event: 'bus-message', topic: 'prices', publisher: a, id, text },
      bytes: Buffer.from(text).toString('base64'),
    },
  ]);
  await agents.say(a, 'publish others x');
  assert.deepEqual(agents.heard(b), []);
  await agents.say(b, 'unsubscribe prices');
  await agents.say(a, 'publish prices three');
  assert.deepEqual([agents.heard(a), agents.heard(b)], [[], []]);
  const { topics } = (await agents.say(b, 'topics')) as { topics: Line[] };
  assert.deepEqual(
    topics.map(({ topic, messages, bytes, last }) => [topic, messages, bytes, last]),
    [
      ['prices', 2, 14, a],
      ['others', 1, 1, a],
    ],
  );
  await agents.cluster.close();
});

test('publish --confirm names the members that have the message, and those that do not', async () => {
  const agents = await Agents.start({ bus: true });
  const [a, b] = agents.names;
  const { confirmed, missing } = await agents.say(a, 'publish --confirm prices hello');
  assert.deepEqual([confirmed, missing], [[b], []]);
  agents.cluster.partition([[a], [b]]);
  const waiting = agents.say(a, 'publish --confirm prices hello');
  await agents.cluster.run(6_000);
  const later = await waiting;
  assert.deepEqual([later.confirmed, later.missing], [[], [b]]);
  await agents.cluster.close();
});

test('a request prints the answers, and a responder what it is asked', async () => {
  const agents = await Agents.start({ bus: true });
  const [a, b] = agents.names;
  await agents.say(b, 'respond stock 42 left');
  assert.deepEqual(await agents.say(a, 'request stock how many?'), { topic: 'stock', answers: 1 });
  const [answer] = agents.heard(a);
  assert.deepEqual([answer?.event, answer?.from, answer?.text], ['bus-answer', b, '42 left']);
  const [asked] = agents.heard(b);
  assert.deepEqual([asked?.event, asked?.from, asked?.text], ['bus-request', a, 'how many?']);
  await agents.say(b, 'respond stock');
  assert.equal((await agents.say(a, 'request stock again')).answers, 0);
  await agents.cluster.close();
});

test('the death of a publisher prints a gap', async () => {
  const agents = await Agents.start({ bus: true });
  const [a, b] = agents.names;
  await agents.say(a, 'publish prices hello');
  const { bus } = agents.toolkits.get(a) as Toolkit;
  const bootId = bus?.bootId;
  agents.cluster.crash(a);
  await agents.cluster.run(120_000);
  const gaps = agents.heard(b).filter(({ event }) => event === 'gap');
  assert.deepEqual(gaps, [{ event: 'gap', publisher: a, bootId, missed: 'unknown' }]);
  await agents.cluster.close();
});

test('values are JSON or text, and every node shows them', async () => {
  const agents = await Agents.start({ state: true });
  const [a, b] = agents.names;
  await agents.say(b, 'watch');
  assert.deepEqual(await agents.say(a, 'set load 0.4'), { key: 'load', value: 0.4 });
  await agents.say(a, 'set version 1.2.3');
  await agents.say(b, 'set own {"a":[1]}');
  const values = [
    { node: a, key: 'load', value: 0.4 },
    { node: a, key: 'version', value: '1.2.3' },
  ];
  const all = (await agents.say(b, 'show')) as { values: Line[] };
  assert.deepEqual(all.values, [...values, { node: b, key: 'own', value: { a: [1] } }]);
  assert.deepEqual((await agents.say(b, `show ${a}`)).values, values);
  await agents.say(a, 'delete load');
  assert.deepEqual(
    agents.heard(b).filter(({ node }) => node === a),
    [
      { event: 'state', node: a, key: 'load', value: 0.4 },
      { event: 'state', node: a, key: 'version', value: '1.2.3' },
      { event: 'state', node: a, key: 'load', previous: 0.4 },
    ],
  );
  await agents.say(b, 'unwatch');
  await agents.say(a, 'set load 1');
  assert.deepEqual(agents.heard(b), []);
  await agents.cluster.close();
});

test('owner names the same member on both nodes, without any option', async () => {
  const agents = await Agents.start({});
  const [a, b] = agents.names;
  const [one, other] = [await agents.say(a, 'owner user 7'), await agents.say(b, 'owner user 7')];
  assert.deepEqual(one, other);
  assert.equal(one.key, 'user 7');
  assert.deepEqual([one.owner, one.next].sort(), [a, b]);
  assert.equal(one.members, 2);
  await agents.cluster.close();
});

test('a command that cannot be executed says what to do', async () => {
  const agents = await Agents.start({ bus: true, state: true });
  const without = await Agents.start({});
  const [a] = agents.names;
  await agents.say(a, 'subscribe prices');
  const wrong: [string, RegExp][] = [
    ['publish', /topic is missing: publish \[--confirm\] TOPIC TEXT/],
    ['publish --confirm', /topic is missing/],
    [`publish ${'t'.repeat(300)} x`, /topic: must be a text of 1 to 256 bytes/],
    ['subscribe', /topic is missing: subscribe TOPIC/],
    ['subscribe prices', /already subscribed to 'prices'/],
    ['unsubscribe others', /not subscribed to 'others', but to: prices/],
    ['request', /topic is missing: request TOPIC TEXT/],
    ['respond', /topic is missing: respond TOPIC/],
    ['set', /missing: set KEY VALUE/],
    ['set load', /missing: set KEY VALUE/],
    ['delete', /missing: delete KEY/],
    ['delete load', /no key 'load'/],
    ['show nobody', /unknown member 'nobody'/],
    [`show ${a}`, /has no keys/],
    ['owner', /missing: owner KEY/],
  ];
  for (const [text, says] of wrong) await assert.rejects(agents.say(a, text), says, text);
  await assert.rejects(without.say(a, 'publish a b'), /publish needs a bus: .* --bus/);
  await assert.rejects(without.say(a, 'show'), /show needs the shared state: .* --state/);
  await assert.rejects(toolkitOf({ 'bus-name': 'x' }), UsageError);
  await assert.rejects(toolkitOf({ bus: true, 'bus-name': 'NO' }), /must be 1 to 16 of a-z/);
  await agents.cluster.close();
  await without.cluster.close();
});

test('output is bounded and harmless, whatever peers send', async () => {
  const agents = await Agents.start({ bus: true, state: true });
  const [a, b] = agents.names;
  const evil = '\u001b[2Jx\u202e\n';
  const { bus, state } = agents.toolkits.get(a) as Toolkit;
  await agents.say(b, `subscribe ${evil.trim()}`);
  await agents.say(b, 'watch');
  const published = bus?.publish(evil.trim(), Buffer.from(evil + 'y'.repeat(100_000)));
  state?.set(evil, evil + 'z'.repeat(50_000));
  state?.set(
    'list',
    Array.from({ length: 3_000 }, (_, i) => i),
  );
  state?.set('bytes', Buffer.alloc(50_000));
  for (let i = 0; i < 1_500; i++) state?.set(`key-${i}`, i);
  await agents.cluster.run(5_000);
  await published;
  const show = (await agents.say(b, 'show')) as { values: Line[]; notShown: number };
  assert.deepEqual([show.values.length, show.notShown], [1_000, 503]);
  const lines = [...agents.heard(b), show];
  for (const format of ['pretty', 'json']) {
    const text = lines.map((line) => lineFormat(format, {}, {}).event(line)).join('');
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u, format);
    // The payload in base64 is exact; everything else is cut.
    assert.ok(text.length < 600_000, `${format}: ${text.length}`);
  }
  await agents.cluster.close();
});
