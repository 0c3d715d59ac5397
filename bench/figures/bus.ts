/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The message bus, compared with Redis pub/sub, NATS and bare sockets.

import { measureRound, type AtRate, type Plan, type Round } from '../bus/round.js';
import { missingServers } from '../bus/servers.js';
import type { SystemName } from '../bus/tasks.js';
import type { Figure, Harness } from '../harness.js';
import type { Mark, Row } from '../rows.js';
import { median } from '../statistics.js';

const subscribers = 10;
const others = ['Redis', 'NATS', 'floor'] as const;
type Other = (typeof others)[number];

const full: Plan = {
  // As many messages as a service has in its first minutes: with 2,000, V8 still compiles ours during the measurement.
  warmUp: { perSecond: 4_000, ms: 5_000 },
  rates: [
    { perSecond: 100, ms: 5_000 },
    { perSecond: 1_000, ms: 4_000 },
    { perSecond: 8_000, ms: 3_000 },
  ],
  saturation: { rampMs: 1_000, measureMs: 3_000 },
};
const quick: Plan = {
  warmUp: { perSecond: 1_000, ms: 500 },
  rates: full.rates.map(({ perSecond }) => ({ perSecond, ms: 500 })),
  saturation: { rampMs: 200, measureMs: 500 },
};

/** The goals by rate, the statistic and the other system. */
const marks: Readonly<Record<string, Mark | undefined>> = {
  '100 median Redis': { kind: 'ratio', most: 0.6 },
  '100 median NATS': { kind: 'ratio', most: 0.6 },
  '100 p99 Redis': { kind: 'ratio', most: 0.5 },
  '1000 median Redis': { kind: 'ratio', most: 0.9 },
  '1000 median NATS': { kind: 'ratio', most: 0.9 },
  '1000 p99 Redis': { kind: 'ratio', most: 0.5 },
  '8000 median Redis': { kind: 'ratio', most: 2 },
  'saturation Redis': { kind: 'least-ratio', least: 0.5 },
};

export const bus: Figure = {
  name: 'bus',
  title: 'Message bus',
  withoutGo: true,
  work: `One process publishes messages of 100 bytes on one topic, ${subscribers} processes subscribe, all on loopback
sockets: the time from the publish call until the last subscriber's handler is called, and the messages per second that
all subscribers receive if the publisher is as fast as they are, with at most 1,000 messages on their way (larger is
better). Ours: \`node-memberlist/bus\` in a cluster of the ${subscribers + 1} processes. **Redis**: pub/sub of
Debian's \`redis-server\`, with the client \`redis\`; **NATS**: Debian's \`nats-server\`, with the client \`nats\`, both
without persistence. The **floor** is a bare \`dgram\` socket per process and one packet per message and subscriber,
without a protocol or repair of losses; with at most 200 messages on their way. The systems take turns in each round,
with new processes, which are warmed up with 20,000 messages. The processes read the same monotonic clock. Publishing happens by
timers: at 8,000/s several messages are published in the same turn of the event loop. CPU is that of all processes, the
server and the idle cluster included, per message. A round of ours, Redis or NATS fails if a message is lost, duplicated or out of
order.`,
  measure: async (harness) => {
    const systems = await availableSystems(harness);
    const plan = harness.effort.quick ? quick : full;
    const rounds = new Map<SystemName, Round[]>(systems.map((system) => [system, []]));
    for (let round = 0; round < harness.effort.rounds; round++) {
      // Each system comes after every other one.
      for (const turn of systems.keys()) {
        const system = systems[(turn + round) % systems.length] ?? 'ours';
        const result = await measureRound(system, harness.addresses(subscribers + 1), plan);
        rounds.get(system)?.push(result);
        harness.progress(`bus: round ${round + 1}, ${system}: ${textOf(result)}`);
      }
    }
    return { rows: rowsOf(plan, rounds), remarks: remarksOf(plan, rounds) };
  },
};

/** @throws if a server is missing */
async function availableSystems({ withOthers }: Harness): Promise<SystemName[]> {
  if (!withOthers) return ['ours'];
  const missing = missingServers();
  if (missing.length > 0) throw new Error(`${missing.join('; ')}; --no-go measures only ours`);
  return Promise.resolve(['ours', ...others]);
}

type Rounds = ReadonlyMap<SystemName, readonly Round[]>;

function rowsOf(plan: Plan, rounds: Rounds): Row[] {
  const rows: Row[] = [];
  const add = (
    what: string,
    unit: Row['unit'],
    of: (round: Round) => number,
    markOf: (other: Other) => Mark | undefined,
  ): void => {
    const ours = rounds.get('ours')?.map(of) ?? [];
    const compared = others.filter((name) => rounds.has(name));
    if (compared.length === 0) rows.push({ what, unit, ours });
    for (const name of compared) {
      rows.push({
        what: `${what}, vs. ${name === 'floor' ? 'bare sockets' : name}`,
        unit,
        ours,
        other: { name, values: rounds.get(name)?.map(of) ?? [] },
        mark: markOf(name),
      });
    }
  };
  for (const [place, { perSecond }] of plan.rates.entries()) {
    const title = `${perSecond.toLocaleString('en')}/s`;
    const at =
      (of: (at: AtRate) => number) =>
      ({ rates }: Round): number => {
        const rate = rates[place];
        return rate === undefined ? NaN : of(rate);
      };
    const mark =
      (what: string) =>
      (other: Other): Mark | undefined =>
        marks[`${perSecond} ${what} ${other}`];
    add(
      `${title}, median`,
      'ms',
      at(({ medianMs }) => medianMs),
      mark('median'),
    );
    add(
      `${title}, 99th percentile`,
      'ms',
      at(({ p99Ms }) => p99Ms),
      mark('p99'),
    );
    add(
      `${title}, CPU per message`,
      'µs',
      at(({ cpuUs }) => cpuUs),
      () => undefined,
    );
  }
  const saturation = (other: Other): Mark | undefined => marks[`saturation ${other}`];
  add('saturation', 'messages/s', (round) => round.saturation.perSecond, saturation);
  add(
    'saturation, CPU per message',
    'µs',
    (round) => round.saturation.cpuUs,
    () => undefined,
  );
  return rows;
}

function remarksOf(plan: Plan, rounds: Rounds): string[] {
  const remarks: string[] = [];
  const all = [...rounds.values()].flat();
  const lateness = plan.rates.map(({ perSecond }, place) => {
    const late = (what: 'median' | 'p99'): string =>
      median(all.map(({ rates }) => rates[place]?.lateness[what] ?? NaN)).toFixed(2);
    return `${late('median')} and ${late('p99')} ms at ${perSecond.toLocaleString('en')}/s`;
  });
  remarks.push(
    `Messages were published later than scheduled by (median and 99th percentile) ${lateness.join(', ')}; latency counts from the publish call.`,
  );
  const lost = rounds.get('floor')?.flatMap(({ rates, saturation }) => [
    ...plan.rates.map(({ perSecond }, place) => ({
      at: `${perSecond.toLocaleString('en')}/s`,
      share: rates[place]?.lost ?? 0,
    })),
    { at: 'saturation', share: saturation.lost },
  ]);
  for (const at of new Set(lost?.map((each) => each.at))) {
    const shares = lost?.filter((each) => each.at === at).map(({ share }) => share) ?? [];
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    if (mean === 0) continue;
    remarks.push(
      `Bare sockets lost ${(mean * 100).toFixed(2)} % of the messages at ${at}; their times are those of the others.`,
    );
  }
  const rejected = rounds.get('ours')?.map(({ saturation }) => saturation.rejected) ?? [];
  if (median(rejected) > 0) {
    remarks.push(
      `At saturation ours rejected ${median(rejected)} calls (median of the rounds), which were repeated after 1 ms.`,
    );
  }
  return remarks;
}

function textOf({ rates, saturation }: Round): string {
  const times = rates.map(({ medianMs, p99Ms }) => `${medianMs.toFixed(2)}/${p99Ms.toFixed(1)} ms`);
  return `${times.join(', ')}, ${Math.round(saturation.perSecond)} messages/s`;
}
