// Compiles the fault campaign and runs it. (Compiled it takes half the time that tsx takes.)
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

const folder = 'test/simulation/campaign';
const built = 'node_modules/.cache/campaign';
const run = (...command) => spawnSync(process.execPath, command, { stdio: 'inherit' }).status ?? 1;

mkdirSync(built, { recursive: true });
writeFileSync(`${built}/package.json`, '{ "type": "module" }\n');
process.exitCode =
  run('node_modules/typescript/bin/tsc', '-p', folder) ||
  run(`${built}/${folder}/main.js`, ...process.argv.slice(2));
