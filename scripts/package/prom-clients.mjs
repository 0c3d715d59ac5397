// Metrics with other versions of prom-client than the one that the package depends on.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { run } from './run.mjs';

const VERSIONS = ['13', '14', '15'];
const PASSED = `
import { Memberlist } from 'node-memberlist';
import { register, Counter } from 'prom-client';

new Counter({ name: 'of_the_application', help: 'x' }).inc();
const settings = { bindAddr: '127.0.0.1', bindPort: 0 };
const one = await Memberlist.create({ ...settings, name: 'a', metrics: { registry: register, labels: { dc: 'x' } } });
const two = await Memberlist.create({ ...settings, name: 'b', metrics: { registry: register, labels: { dc: 'y' } } });
await two.join([one.localNode.address]);
await one.ready();
const text = await register.metrics();
for (const line of [
  /^of_the_application 1$/m,
  /^memberlist_members\\{node="a",dc="x",state="alive"\\} 2$|^memberlist_members\\{dc="x",node="a",state="alive"\\} 2$|^memberlist_members\\{dc="x",state="alive",node="a"\\} 2$/m,
  /^memberlist_push_pull_bytes_bucket\\{.*le="\\+Inf".*\\} \\d+$/m,
  /^# TYPE memberlist_joins_total counter$/m,
]) if (!line.test(text)) throw new Error('no ' + line + ' in ' + text);
const json = await register.getMetricsAsJSON();
if (json.length < 40) throw new Error(json.length + ' metrics');
await Promise.all([one.shutdown(), two.shutdown()]);
if (/memberlist_/.test(await register.metrics())) throw new Error('something is left');
`;
const NOT_PASSED = `
import { Memberlist } from 'node-memberlist';
import { register } from 'prom-client';

const lines = [];
const ignore = () => undefined;
const logger = { debug: ignore, info: ignore, warn: (message, fields) => lines.push({ message, ...fields }), error: ignore };
const settings = { bindAddr: '127.0.0.1', bindPort: 0, logger };
for (const name of ['a', 'b']) {
  const list = await Memberlist.create({ ...settings, name, metrics: {} });
  if (name === 'a') var isThere = /memberlist_members/.test(await register.metrics());
  await list.shutdown();
}
console.log(JSON.stringify({ lines, isThere }));
`;
const TYPES = `
import { Memberlist, type MetricsOptions } from 'node-memberlist';
import { register, Registry } from 'prom-client';
export const options: MetricsOptions[] = [{ registry: register }, { registry: new Registry() }];
export const list: Promise<Memberlist> = Memberlist.create({ metrics: { registry: register } });
`;

export function checkPromClients(folder, tarball) {
  mkdirSync(folder);
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const own = JSON.parse(readFileSync('package.json', 'utf8')).devDependencies['@types/node'];
  for (const version of VERSIONS) {
    const project = join(folder, version);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
    const packages = [`prom-client@${version}`, tarball, `@types/node@${own}`];
    run('npm', ['install', '--no-audit', '--no-fund', '--silent', ...packages], project);
    for (const [file, text] of Object.entries({
      'passed.mjs': PASSED,
      'not-passed.mjs': NOT_PASSED,
    })) {
      writeFileSync(join(project, file), text);
    }
    run(process.execPath, ['passed.mjs'], project);
    const { lines, isThere } = JSON.parse(run(process.execPath, ['not-passed.mjs'], project));
    checkWarning(version, lines, isThere);
    writeFileSync(join(project, 'types.ts'), TYPES);
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--types', 'node'];
    const modules = ['--module', 'nodenext', '--target', 'es2022'];
    run(process.execPath, [tsc, ...strict, ...modules, 'types.ts'], project);
  }
  console.log(`metrics in registries of prom-client ${VERSIONS.join(', ')}`);
}

/** A single copy causes no warning; another version does, with both versions and a remedy. */
function checkWarning(version, lines, isThere) {
  const isOurs = version === VERSIONS.at(-1);
  if (isThere !== isOurs) throw new Error(`prom-client ${version}: metrics are there: ${isThere}`);
  if (isOurs && lines.length === 0) return;
  const [line] = lines;
  const isRight =
    lines.every(({ code }) => code === 'other-registry') &&
    line.ours.startsWith('15.') &&
    line.theirs.startsWith(`${version}.`) &&
    line.message.includes('metrics: { registry: register }');
  if (isOurs || !isRight) throw new Error(`prom-client ${version}: ${JSON.stringify(lines)}`);
}
