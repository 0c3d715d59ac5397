// Packs the package, installs it into an empty project, and uses it there by import and by require;
// then lets publint and attw look at the tarball.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const run = (command, args, cwd = process.cwd()) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });

const folder = mkdtempSync(join(tmpdir(), 'node-memberlist-'));
try {
  run('npm', ['pack', '--pack-destination', folder, '--silent']);
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz')),
  );
  const files = run('tar', ['-tzf', tarball]).trim().split('\n');
  const stray = files.filter(
    (file) =>
      !/^package\/(bin\/node-memberlist\.js$|dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(
        file,
      ),
  );
  if (stray.length > 0) throw new Error(`the tarball holds more than it should: ${stray}`);
  console.log(`${files.length} files, ${statSync(tarball).size} bytes packed`);

  console.log(run('npx', ['publint', '--strict', tarball]));
  // ES modules only, and no Node before 16: said so in the README.
  console.log(run('npx', ['attw', '--profile', 'esm-only', tarball]));

  const project = join(folder, 'project');
  execFileSync('mkdir', [project]);
  writeFileSync(join(project, 'package.json'), '{ "name": "consumer", "private": true }\n');
  run('npm', ['install', '--no-audit', '--no-fund', '--silent', tarball], project);
  const use = `
    const list = await Memberlist.create({ name: 'a', bindAddr: '127.0.0.1', bindPort: 0 });
    if (list.members().length !== 1) throw new Error('a new node knows itself');
    if (typeof MemoryNetwork !== 'function') throw new Error('no MemoryNetwork');
    await list.shutdown();
    console.log('used by', process.argv[1].split('/').pop());
  `;
  writeFileSync(
    join(project, 'import.mjs'),
    `import { Memberlist } from 'node-memberlist';
     import { MemoryNetwork } from 'node-memberlist/testing';
     ${use}`,
  );
  writeFileSync(
    join(project, 'require.cjs'),
    `const { Memberlist } = require('node-memberlist');
     const { MemoryNetwork } = require('node-memberlist/testing');
     (async () => {${use}})();`,
  );
  for (const script of ['import.mjs', 'require.cjs']) {
    process.stdout.write(run(process.execPath, ['--no-warnings', script], project));
  }
  const key = run('npx', ['--no-install', 'node-memberlist', 'keygen'], project).trim();
  if (Buffer.from(key, 'base64').length !== 32) throw new Error(`no key from the command: ${key}`);
  console.log('its command runs');
  console.log('the package is in order');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
