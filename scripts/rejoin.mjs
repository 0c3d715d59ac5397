// Compiles the scenarios of rejoining and runs them. (Compiled they take half the time that tsx takes.)
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

const folder = 'test/simulation/rejoin';
const built = 'node_modules/.cache/rejoin';
const run = (...command) => spawnSync(process.execPath, command, { stdio: 'inherit' }).status ?? 1;

mkdirSync(built, { recursive: true });
writeFileSync(`${built}/package.json`, '{ "type": "module" }\n');
process.exitCode =
  run('node_modules/typescript/bin/tsc', '-p', folder) ||
  run(`${built}/${folder}/main.js`, ...process.argv.slice(2));
