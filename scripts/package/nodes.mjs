// The Node versions that the package is tested with.
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter } from 'node:path';
import { run } from './run.mjs';

const NEWER = [22, 24];
/** A version on which the package does not run. */
const OLD = 18;

/** Paths: this Node, and those of NODES or, if it is not set, newer versions from npm's package `node`. */
export function nodes() {
  const own = process.execPath;
  const { NODES } = process.env;
  const others = NODES === undefined ? newer() : NODES.split(delimiter).filter(Boolean);
  return [...new Set([own, ...others])];
}

export function versionOf(node) {
  return run(node, ['--version']).trim();
}

function newer() {
  const ownMajor = Number.parseInt(process.versions.node);
  return NEWER.filter((major) => major > ownMajor).flatMap((major) => {
    const path = fromNpm(major);
    if (path !== undefined) return [path];
    console.log(`NOT tested with Node ${major}: npm could not provide it; name one in NODES`);
    return [];
  });
}

/** The path of a Node that is too old; undefined if npm has none, or NODES names all versions to use. */
export function oldNode() {
  if (process.env.NODES !== undefined) return undefined;
  const path = fromNpm(OLD);
  if (path === undefined) console.log(`NOT tested on Node ${OLD}: npm could not provide it`);
  return path;
}

/** From npm's package `node`. */
function fromNpm(major) {
  // Outside of this project, whose packages must not be used.
  const { status, stdout } = spawnSync(
    'npm',
    ['exec', '--yes', `--package=node@${major}`, '--', 'node', '-p', 'process.execPath'],
    { cwd: tmpdir(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const path = stdout?.trim().split('\n').pop() ?? '';
  return status === 0 && versionOf(path).startsWith(`v${major}.`) ? path : undefined;
}
