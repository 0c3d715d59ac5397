// The package inside a bundle: each bundle contains all dependencies, is in a folder without packages, and runs a
// cluster of two. In a bundle of ES modules a dependency that requires a module of Node cannot be loaded.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { run } from './run.mjs';

/** This project's esbuild, which comes with tsx. */
const { buildSync } = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild');
const TSUP = 'tsup@8';
const PROGRAM = `
import { Memberlist } from 'node-memberlist';
import { createBus } from 'node-memberlist/bus';
import { createRing } from 'node-memberlist/ring';
import { createState } from 'node-memberlist/state';
import { SimulatedCluster } from 'node-memberlist/testing';

const settings = { bindAddr: '127.0.0.1', bindPort: 0 };
async function main() {
  const [bus, state, others] = [createBus(), createState(), createBus()];
  state.set('http', 8080);
  const one = await Memberlist.create({ ...settings, name: 'a', use: [bus, state] });
  one.on('join', () => { throw new Error('of a listener'); });
  const two = await Memberlist.create({ ...settings, name: 'b', use: [others, createState()] });
  await two.join([one.localNode.address]);
  await one.ready();
  if (two.numMembers !== 2) throw new Error('the two do not know each other');
  if (createRing(two).members.length !== 2) throw new Error('the ring lacks a member');
  const received = new Promise((resolve) => others.subscribe('t', resolve));
  const { confirmed } = await bus.publish('t', Buffer.from('x'), { confirm: true });
  if (confirmed.join() !== 'b' || (await received).publisher !== 'a') throw new Error('no message');
  const metrics = await Memberlist.create({ ...settings, name: 'c', metrics: {} }).then(
    (list) => list.shutdown().then(() => 'work'),
    (error) => error.message,
  );
  await two.leave();
  await Promise.all([one.shutdown(), two.shutdown()]);
  const cluster = await SimulatedCluster.create({ size: 3 });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  await cluster.close();
  console.log(JSON.stringify({ metrics }));
}
main().catch((error) => { console.error(error); process.exitCode = 1; });
`;

export function checkBundlers(folder, tarball) {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--silent', tarball, TSUP, 'typescript@5'],
    folder,
  );
  writeFileSync(join(folder, 'main.mjs'), PROGRAM);
  const bundles = {
    'esbuild-esm.mjs': () => esbuild(folder, 'esm', 'esbuild-esm.mjs'),
    'esbuild-cjs.cjs': () => esbuild(folder, 'cjs', 'esbuild-cjs.cjs'),
    'tsup/main.mjs': () => tsup(folder),
  };
  // In a folder from which no package can be found.
  for (const [bundle, make] of Object.entries(bundles)) {
    make();
    check(join(`${folder}-out`, bundle), bundle);
  }
  console.log(`bundles run: ${Object.keys(bundles)}`);
  checkUnused(folder);
}

/** A service that uses none of these entry points has none of their code in its bundle. */
function checkUnused(folder) {
  const { outputFiles } = buildSync({
    stdin: { contents: "export { Memberlist } from 'node-memberlist';", resolveDir: folder },
    absWorkingDir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    outdir: 'unused',
  });
  const paths = outputFiles.map(({ text }) => text).join('\n');
  const unused = [
    ...paths.matchAll(/^\/\/ .*node-memberlist\/dist\/(bus|ring|serf|state|testing|cli)\//gm),
  ];
  if (unused.length > 0) throw new Error(`the main entry point brings ${unused[0][1]} along`);
  console.log(`a bundle of the main entry point has ${Math.ceil(paths.length / 1000)} kB`);
}

function esbuild(folder, format, bundle) {
  buildSync({
    entryPoints: [join(folder, 'main.mjs')],
    outfile: join(`${folder}-out`, bundle),
    absWorkingDir: folder,
    bundle: true,
    platform: 'node',
    format,
    logLevel: 'warning',
  });
}

function tsup(folder) {
  const config = { entry: ['main.mjs'], format: ['esm'], outDir: join(`${folder}-out`, 'tsup') };
  const text = `export default { ...${JSON.stringify(config)}, noExternal: [/.*/], silent: true };\n`;
  writeFileSync(join(folder, 'tsup.config.mjs'), text);
  run('npx', ['tsup', '--config', 'tsup.config.mjs'], folder);
}

function check(file, bundle) {
  const isEsm = !bundle.endsWith('.cjs');
  const log = `${file}.log`;
  const { metrics } = JSON.parse(outputOf(file, log, ''));
  // Metrics need prom-client, which a bundle of ES modules cannot hold; the error says so.
  if (isEsm ? !metrics.includes('mark prom-client as external') : metrics !== 'work') {
    throw new Error(`${bundle}: metrics ${metrics}`);
  }
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  if (
    lines.length !== 1 ||
    !/ node-memberlist error: .*of a listener.* \[callback-threw\]$/.test(lines[0])
  ) {
    throw new Error(`${bundle}: stderr does not contain exactly the expected line: ${lines}`);
  }
  outputOf(file, log, 'memberlist:membership');
  const shown = readFileSync(log, 'utf8');
  if (!/memberlist:membership.* info .* joined/.test(shown) || /memberlist:stream/.test(shown)) {
    throw new Error(`${bundle}: DEBUG does not work: ${shown}`);
  }
}

/** The output of a bundle; its stderr goes into a file. */
function outputOf(file, log, namespaces) {
  const script = `DEBUG='${namespaces}' exec '${process.execPath}' '${file}' 2>'${log}'`;
  return run('sh', ['-c', script]);
}
