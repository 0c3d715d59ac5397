// Runs the tests below the named folders of test/ with node's own runner, TypeScript by tsx.
// (Node 20 has no globs in `node --test`.) Options after `--` go to the runner. One process for each processor: the
// runner's own default is one less, which on two processors leaves one idle.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('-'));
const folders = words.filter((word) => !word.startsWith('-'));

function* testFiles(path) {
  if (statSync(path).isFile()) {
    yield path;
    return;
  }
  for (const entry of readdirSync(path).sort()) {
    const inner = join(path, entry);
    if (statSync(inner).isDirectory()) {
      // A folder with a package of its own is a project with a test runner of its own.
      if (!existsSync(join(inner, 'package.json'))) yield* testFiles(inner);
    } else if (entry.endsWith('.test.ts')) yield inner;
  }
}

const files = folders.flatMap((folder) => {
  const path = statSync(join('test', folder), { throwIfNoEntry: false })
    ? join('test', folder)
    : folder;
  return [...testFiles(path)];
});
if (files.length === 0) {
  console.error(`no tests in ${folders.join(', ')}`);
  process.exit(1);
}
const concurrency = `--test-concurrency=${availableParallelism()}`;
const run = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-reporter=spec', concurrency, ...options, ...files],
  { stdio: 'inherit' },
);
process.exit(run.status ?? 1);
