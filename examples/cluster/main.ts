/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Five nodes in five processes join, change, fail and leave, and a sixth one joins. The view of every node is shown
// live. Use `--port N` if port 7946 is in use.
import { parseArgs } from 'node:util';
import { chooseAddresses, describeAddresses, type Places } from './addresses.js';
import { Cluster } from './cluster.js';
import { notYetRun, runScenario } from './run-scenario.js';
import { firstMeta, scenario } from './scenario.js';
import { View } from './view.js';

const defaultPort = 7946;
const scenarioLimitMs = 36_000;
const interruptedCode = 130;
const interruption = new AbortController();

const help = `usage: npm start -- [--port N]

Starts five nodes on 127.0.0.1 to 127.0.0.5 and runs a scenario that takes about 20 seconds.

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
  const results = notYetRun(scenario);
  const view = new View({ cluster, results, startedAt, where: describeAddresses(places.places) });
  stopOnSignals(cluster, view);

  view.open();
  if (places.note !== undefined) cluster.journal.note(places.note, 'warning');
  const passed = await runScenario(cluster, results, startedAt + scenarioLimitMs);
  await cluster.stop();
  const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
  const verdict = passed ? '✔ all steps passed' : '✖ a step failed';
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
    throw new Error(`--port ${values.port ?? ''} is not a port`);
  } catch (error) {
    refuse(error);
    return undefined;
  }
}

async function findPlaces(port: number): Promise<Places | undefined> {
  try {
    return await chooseAddresses(Object.keys(firstMeta).length, port);
  } catch (error) {
    refuse(error);
    return undefined;
  }
}

function refuse(error: unknown): void {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

// However this process ends, it leaves no node running. (If it is killed, the nodes detect that their channel to it
// is closed, and exit.)
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
  // The reader of the output has closed it.
  process.stdout.on('error', () => process.exit(1));
  process.on('exit', () => cluster.killAll());
}

try {
  await main();
} catch (error) {
  // After an interruption, `stopOnSignals` ends the process.
  if (!interruption.signal.aborted) throw error;
}
