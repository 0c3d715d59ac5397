// What is known against the packages that an install brings.
import { spawnSync } from 'node:child_process';

/** Throws when there is something, and, when `required`, also when the registry cannot be asked. */
export function audit(project, required) {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
    cwd: project,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const report = parsed(stdout);
  const total = report.metadata?.vulnerabilities?.total;
  if (total === 0) {
    console.log('npm audit: nothing is known against the runtime dependencies');
  } else if (total > 0) {
    throw new Error(`npm audit found ${Object.keys(report.vulnerabilities)}`);
  } else {
    const answer = report.statusCode ?? report.error?.code ?? 'nothing that can be read';
    const words = `npm audit could NOT ask: the registry answered ${answer}. Nothing is known either way`;
    if (required) throw new Error(words);
    console.log(`${words}; --require-audit makes this fail.`);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
