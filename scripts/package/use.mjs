// The package at work in a project, by import, by require, and by its command.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { versionOf } from './nodes.mjs';
import { run } from './run.mjs';

const USE = `
  const one = await Memberlist.create({ name: 'a', bindAddr: '127.0.0.1', bindPort: 0 });
  const two = await Memberlist.create({ name: 'b', bindAddr: '127.0.0.1', bindPort: 0 });
  await two.join([one.localNode.address]);
  if (two.numMembers !== 2) throw new Error('the two do not know each other');
  await two.leave();
  await Promise.all([one.shutdown(), two.shutdown()]);
  if (typeof MemoryNetwork !== 'function') throw new Error('no MemoryNetwork');
`;

const SCRIPTS = {
  'import.mjs': `
    import { Memberlist } from 'node-memberlist';
    import { MemoryNetwork } from 'node-memberlist/testing';
    ${USE}`,
  'require.cjs': `
    const { Memberlist } = require('node-memberlist');
    const { MemoryNetwork } = require('node-memberlist/testing');
    (async () => {${USE}})();`,
};

/** By the `node` that is named. */
export function checkUse(project, node) {
  for (const [script, text] of Object.entries(SCRIPTS)) {
    writeFileSync(join(project, script), text);
    // Node 20 says at require() of an ES module that this is new.
    run(node, ['--no-warnings', script], project);
  }
  const key = run(node, ['node_modules/.bin/node-memberlist', 'keygen'], project).trim();
  if (Buffer.from(key, 'base64').length !== 32) throw new Error(`no key from the command: ${key}`);
  console.log(`Node ${versionOf(node)}: works by import and by require, and its command runs`);
}
