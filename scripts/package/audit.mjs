// Known vulnerabilities of the installed packages.
import { spawnSync } from 'node:child_process';

/** Throws if there are any, and, if `required`, also if the registry cannot be queried. */
export function audit(project, required) {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
    cwd: project,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const report = parsed(stdout);
  const total = report.metadata?.vulnerabilities?.total;
  if (total === 0) {
    console.log('npm audit: no known vulnerabilities in the runtime dependencies');
  } else if (total > 0) {
    throw new Error(`npm audit found ${Object.keys(report.vulnerabilities)}`);
  } else {
    const answer = report.statusCode ?? report.error?.code ?? 'nothing readable';
    const words = `npm audit FAILED to query the registry: it answered ${answer}. The result is unknown`;
    if (required) throw new Error(words);
    console.log(`${words}; --require-audit makes this an error.`);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
