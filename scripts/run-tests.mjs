// Runs the tests in the given folders of test/ with Node's own runner, and tsx for TypeScript. (Node 20 has no globs
// in `node --test`.) Options after `--` go to the runner. It uses one process per processor: the runner's own default
// is one less, which on two processors leaves one idle.
//
// Most unit tests take less time than a process needs to start and load the library, so the unit tests of one folder
// share a process. A test must leave no timers, listeners or replaced globals in the process.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Folders whose files share processes. */
const SHARED = join('test', 'unit') + sep;
/** The maximum number of files in one process. */
const GROUP_FILES = 12;

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
      // A folder with its own package is a project with its own test runner.
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

/** Lists of files that share a process. */
function groupsOf(all) {
  const groups = [];
  const open = new Map();
  for (const file of all) {
    const folder = dirname(file);
    const group = open.get(folder);
    if (group !== undefined && group.length < GROUP_FILES) group.push(file);
    else {
      const begun = [file];
      groups.push(begun);
      if (file.startsWith(SHARED)) open.set(folder, begun);
    }
  }
  return groups;
}

const scratch = mkdtempSync(join(tmpdir(), 'memberlist-tests-'));
const entries = groupsOf(files).map((group, i) => {
  if (group.length === 1) return group[0];
  const entry = join(scratch, `${i}-${basename(dirname(group[0]))}.test.mjs`);
  const imports = group.map(
    (file) => `import ${JSON.stringify(pathToFileURL(resolve(file)).href)};\n`,
  );
  writeFileSync(entry, imports.join(''));
  return entry;
});
const concurrency = `--test-concurrency=${availableParallelism()}`;
const run = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-reporter=spec', concurrency, ...options, ...entries],
  { stdio: 'inherit' },
);
rmSync(scratch, { recursive: true });
process.exit(run.status ?? 1);
