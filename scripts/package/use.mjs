// Uses the package in a project: with import, with require, and through its command.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { versionOf } from './nodes.mjs';
import { run } from './run.mjs';

const USE = `
  const one = await Memberlist.create({ name: 'a', bindAddr: '127.0.0.1', bindPort: 0, use: [serf()] });
  const state = createState();
  const use = [serf({ tags: { role: 'web' } }), state];
  state.set('http', 8080);
  const two = await Memberlist.create({ name: 'b', bindAddr: '127.0.0.1', bindPort: 0, use });
  if (two.localNode.delegateProtocol.max !== 5) throw new Error('the extension is not attached');
  await two.join([one.localNode.address]);
  if (createRing(one).members.length !== 2) throw new Error('the ring lacks a member');
  if (two.numMembers !== 2) throw new Error('the two do not know each other');
  if (state.get('b', 'http') !== 8080) throw new Error('the state has not the key');
  await two.leave();
  await Promise.all([one.shutdown(), two.shutdown()]);
  if (typeof MemoryNetwork !== 'function') throw new Error('no MemoryNetwork');
`;

const SCRIPTS = {
  'import.mjs': `
    import { Memberlist } from 'node-memberlist';
    import { createRing } from 'node-memberlist/ring';
    import { serf } from 'node-memberlist/serf';
    import { createState } from 'node-memberlist/state';
    import { MemoryNetwork } from 'node-memberlist/testing';
    ${USE}`,
  'require.cjs': `
    const { Memberlist } = require('node-memberlist');
    const { createRing } = require('node-memberlist/ring');
    const { serf } = require('node-memberlist/serf');
    const { createState } = require('node-memberlist/state');
    const { MemoryNetwork } = require('node-memberlist/testing');
    (async () => {${USE}})();`,
  // A process that uses both loads one copy: `instanceof` works.
  'both.cjs': `
    const required = require('node-memberlist');
    import('node-memberlist').then((imported) => {
      if (imported.Memberlist !== required.Memberlist) throw new Error('there are two copies');
    });`,
};

/** All ways to load the package on a Node that is too old. */
const LOADED_BY = {
  import: ['-e', "import('node-memberlist').catch((error) => console.log(error.message))"],
  require: [
    '-e',
    "try { require('node-memberlist') } catch (error) { console.log(error.message) }",
  ],
  command: ['node_modules/.bin/node-memberlist', 'keygen'],
};

/** With the given `node`. */
export function checkUse(project, node) {
  for (const [script, text] of Object.entries(SCRIPTS)) {
    writeFileSync(join(project, script), text);
    run(node, [script], project);
  }
  const key = run(node, ['node_modules/.bin/node-memberlist', 'keygen'], project).trim();
  if (Buffer.from(key, 'base64').length !== 32) throw new Error(`no key from the command: ${key}`);
  console.log(`Node ${versionOf(node)}: works by import and by require, and its command runs`);
}

/** With a `node` that is too old; skipped if it is undefined. */
export function checkOldNode(project, node) {
  if (node === undefined) return;
  const version = versionOf(node);
  for (const [way, args] of Object.entries(LOADED_BY)) {
    const { stdout, stderr } = spawnSync(node, args, { cwd: project, encoding: 'utf8' });
    const lines = `${stdout}${stderr}`.trim().split('\n');
    if (lines.length !== 1 || !lines[0].endsWith(`This is Node ${version.slice(1)}.`)) {
      throw new Error(
        `Node ${version}, ${way}: expected one line that explains the problem: ${lines}`,
      );
    }
  }
  console.log(`Node ${version}: one line names the required Node version`);
}
