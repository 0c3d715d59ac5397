// Compiles a part of the sources and runs a program of it. (Compiled, simulations take half the time that
// tsx takes, and benchmarks measure the code that is shipped.)
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

const run = (command) => spawnSync(process.execPath, command, { stdio: 'inherit' }).status ?? 1;

/**
 * Compiles into `node_modules/.cache/NAME` what the project file `project` has, and runs `main` of it. Options of
 * node's before the calling script's name are the program's too. Returns how it ended.
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
