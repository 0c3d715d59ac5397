/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Five nodes in five processes find each other, change, die, leave and join; every node's view of
// it is shown as it happens. With `--port N` where 7946 is taken.
import { parseArgs } from 'node:util';
import { choosePlaces, describePlaces, type Places } from './addresses.js';
import { Cluster } from './cluster.js';
import { notYetRun, runStory } from './run-story.js';
import { firstMeta, story } from './story.js';
import { View } from './view.js';

const defaultPort = 7946;
const storyLimitMs = 36_000;
const interruptedCode = 130;
const interruption = new AbortController();

const help = `usage: npm start -- [--port N]

Starts five nodes on 127.0.0.1 to 127.0.0.5 and tells a story with them that takes some 20 seconds.

  --port N   the UDP and TCP port of all nodes; default ${defaultPort}`;

async function main(): Promise<void> {
  const startedAt = Date.now();
  const options = readOptions();
  if (options === undefined) return;
  const places = await findPlaces(options.port);
  if (places === undefined) return;

  const plans = places.places.map((place, index) => {
    const name = `node-${index + 1}`;
    return { name, place, meta: firstMeta[name] ?? '' };
  });
  const { signal } = interruption;
  const cluster = new Cluster({ plans, onEntry: (entry) => view.show(entry), signal });
  const results = notYetRun(story);
  const view = new View({ cluster, results, startedAt, where: describePlaces(places.places) });
  stopOnSignals(cluster, view);

  view.open();
  if (places.note !== undefined) cluster.journal.note(places.note, 'warning');
  const passed = await runStory(cluster, results, startedAt + storyLimitMs);
  await cluster.stop();
  const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
  const verdict = passed ? '✔ everything was as expected' : '✖ something was not as expected';
  view.finish(`${verdict}, in ${seconds} s`, passed);
  process.exitCode = passed ? 0 : 1;
}

function readOptions(): { port: number } | undefined {
  try {
    const { values } = parseArgs({
      options: { port: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) {
      console.log(help);
      return undefined;
    }
    const port = Number(values.port ?? defaultPort);
    if (Number.isInteger(port) && port > 0 && port + Object.keys(firstMeta).length <= 65_536) {
      return { port };
    }
    throw new Error(`--port ${values.port ?? ''} is no port`);
  } catch (error) {
    refuse(error);
    return undefined;
  }
}

async function findPlaces(port: number): Promise<Places | undefined> {
  try {
    return await choosePlaces(Object.keys(firstMeta).length, port);
  } catch (error) {
    refuse(error);
    return undefined;
  }
}

function refuse(error: unknown): void {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

// However this process ends, no node is left running. (If it is killed, the nodes see that their
// channel to it is closed, and end.)
function stopOnSignals(cluster: Cluster, view: View): void {
  const stop = async (signal: string): Promise<void> => {
    if (interruption.signal.aborted) return;
    interruption.abort();
    view.close();
    console.error(`\n${signal}: stopping all nodes`);
    await cluster.stop();
    process.exit(interruptedCode);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => void stop(signal));
  }
  process.on('uncaughtException', (error) => {
    view.close();
    console.error(error);
    process.exit(1);
  });
  // Whoever read our output does not any more.
  process.stdout.on('error', () => process.exit(1));
  process.on('exit', () => cluster.killAll());
}

try {
  await main();
} catch (error) {
  // After an interruption it is `stopOnSignals` that ends the process.
  if (!interruption.signal.aborted) throw error;
}
