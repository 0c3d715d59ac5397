// The examples, copied out of the repository: installs, type-checks and runs each folder as a project.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

const EXAMPLES = 'examples';
/** Only type-checked: these need other programs. */
const FOREIGN = ['alertmanager', 'serf'];
/** These run until a signal stops them; `says` is part of their output when they have started. */
const SERVICES = {
  state: { says: 'the next request goes to', settings: {} },
  'http-service': { says: 'serves at', settings: { BIND: '127.0.0.1', HTTP: '127.0.0.1:0' } },
};

export async function checkExamples(folder, tarball) {
  mkdirSync(folder);
  const names = readdirSync(EXAMPLES).filter((name) =>
    existsSync(join(EXAMPLES, name, 'package.json')),
  );
  for (const name of names) {
    const copy = join(folder, name);
    cpSync(join(EXAMPLES, name), copy, {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    });
    const { type, scripts } = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
    if (type !== 'module' || !scripts.start) throw new Error(`${name} is not a complete project`);
    run('npm', ['install', '--no-audit', '--no-fund', '--silent', tarball], copy);
    run('npm', ['run', '--silent', 'typecheck'], copy);
    if (name in SERVICES) await startAndStop(copy, SERVICES[name]);
    else if (!FOREIGN.includes(name)) run('npm', ['start', '--silent'], copy);
  }
  console.log(`copied, installed, type-checked: ${names.join(', ')}; all but ${FOREIGN} ran`);
}

/** Starts a service like its `start` script, but without npm, which would receive the signal instead. */
async function startAndStop(cwd, { says, settings }) {
  const { scripts } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'));
  const [, ...words] = scripts.start.split(' ');
  const env = { ...process.env, ...settings };
  const child = spawn(process.execPath, words, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const isUp = new Promise((resolve) => {
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes(says)) resolve();
    });
  });
  await Promise.race([isUp, ended]);
  child.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) throw new Error(`${cwd} ended with ${code}`);
}
