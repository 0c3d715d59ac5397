import { spawnSync } from 'node:child_process';

/**
 * Runs a program and returns its output; if it fails, prints the output and throws.
 *
 * @param options.quiet - whether stderr is printed only on failure
 */
export function run(command, args, cwd = process.cwd(), { quiet = false } = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 'pipe', quiet ? 'pipe' : 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  if (status === 0) return stdout;
  process.stdout.write(`${stdout ?? ''}${stderr ?? ''}`);
  const reason =
    status === null ? (error?.message ?? 'the process was killed') : `status ${status}`;
  throw new Error(`failed (${reason}): ${command} ${args.join(' ')}`);
}
