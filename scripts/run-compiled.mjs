// Compiles a part of the sources and runs a program of it. (Compiled simulations take half as long as with tsx, and
// benchmarks measure the code that is shipped.)
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

const run = (command) => spawnSync(process.execPath, command, { stdio: 'inherit' }).status ?? 1;

/**
 * Compiles the TypeScript project `project` into `node_modules/.cache/NAME`, and runs its program `main`. Node options
 * before the calling script's name also apply to the program. Returns its exit status.
 */
export function runCompiled({ name, project, main, words }) {
  const built = `node_modules/.cache/${name}`;
  mkdirSync(built, { recursive: true });
  writeFileSync(`${built}/package.json`, '{ "type": "module" }\n');
  return (
    run(['node_modules/typescript/bin/tsc', '-p', project]) ||
    run([...process.execArgv, `${built}/${main}`, ...words])
  );
}
