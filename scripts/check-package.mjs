// Packs the package, installs it into an empty project, and uses it there like its users: with import and with
// require, on this Node and on others, with strict types. Checks the content of the tarball, its dependencies and
// their known vulnerabilities. publint and attw check the tarball, too.
//
//   NODES=/path/to/node:/another   the Nodes to use in addition to this one; default: 22 and 24 from npm's
//                                  package `node`
//   --require-audit                fail if the registry cannot be queried for known vulnerabilities
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audit } from './package/audit.mjs';
import { checkBundlers } from './package/bundlers.mjs';
import { checkContents } from './package/contents.mjs';
import { checkExamples } from './package/examples.mjs';
import { checkInstalled } from './package/installed.mjs';
import { nodes, oldNode } from './package/nodes.mjs';
import { checkPromClients } from './package/prom-clients.mjs';
import { run } from './package/run.mjs';
import { checkRunners } from './package/runners.mjs';
import { checkTypes } from './package/types.mjs';
import { checkOldNode, checkUse } from './package/use.mjs';

const requireAudit = process.argv.includes('--require-audit');
const folder = mkdtempSync(join(tmpdir(), 'node-memberlist-'));
try {
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--pack-destination', folder, '--json', '--silent']),
  );
  const tarball = join(folder, filename);

  // Strict: suggestions count, too.
  console.log(run('npx', ['publint', '--strict', tarball]));
  // All module resolution modes, including TypeScript's `node10`.
  console.log(run('npx', ['attw', '--profile', 'strict', tarball]));

  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "consumer", "private": true }\n');
  run('npm', ['install', '--no-audit', '--no-fund', '--silent', tarball], project);

  checkContents(tarball, join(project, 'node_modules/node-memberlist'));
  checkInstalled(project);
  for (const node of nodes()) checkUse(project, node);
  checkOldNode(project, oldNode());
  audit(project, requireAudit);
  // Last, because it also installs Node's types.
  checkTypes(project);
  checkBundlers(join(folder, 'bundlers'), tarball);
  checkPromClients(join(folder, 'prom-clients'), tarball);
  checkRunners(join(folder, 'runners'), tarball);
  await checkExamples(join(folder, 'examples'), tarball);
  console.log('all checks of the package passed');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
