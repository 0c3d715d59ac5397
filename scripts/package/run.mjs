import { execFileSync } from 'node:child_process';

/** Runs a program and gives what it printed; when it fails, shows that and throws. */
export function run(command, args, cwd = process.cwd()) {
  try {
    return execFileSync(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    });
  } catch (error) {
    process.stdout.write(error.stdout ?? '');
    const reason = error.status === null ? error.message : `status ${error.status}`;
    throw new Error(`failed (${reason}): ${command} ${args.join(' ')}`);
  }
}
