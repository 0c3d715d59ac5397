// Packs the package, installs it into an empty project, and uses it there as its users will: by import and
// by require, on this Node and on others, with strict types. Looks at what is in the tarball, at what comes
// with it, and at what is known against that. publint and attw look at the tarball, too.
//
//   NODES=/path/to/node:/another   the Nodes to use beside this one; when it is not set, 22 and 24 are
//                                  taken from npm's package `node`
//   --require-audit                fail when the registry cannot be asked for known vulnerabilities
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

  // Strict: suggestions count as well.
  console.log(run('npx', ['publint', '--strict', tarball]));
  // All ways of resolving modules, that of TypeScript's `node10` included.
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
  // Last: it installs the types of Node beside.
  checkTypes(project);
  checkBundlers(join(folder, 'bundlers'), tarball);
  checkPromClients(join(folder, 'prom-clients'), tarball);
  checkRunners(join(folder, 'runners'), tarball);
  await checkExamples(join(folder, 'examples'), tarball);
  console.log('the package is in order');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
