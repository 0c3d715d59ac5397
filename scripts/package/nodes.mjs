// The Nodes that the package is used with.
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter } from 'node:path';
import { run } from './run.mjs';

const NEWER = [22, 24];
/** One on which the package does not run. */
const OLD = 18;

/** Paths: this Node, and those of NODES or, when it is not set, newer ones by npm's package `node`. */
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
    console.log(`NOT used with Node ${major}: it could not be had from npm; name one in NODES`);
    return [];
  });
}

/** The path of a Node that is too old; undefined when npm has none, or NODES names all that are to be used. */
export function oldNode() {
  if (process.env.NODES !== undefined) return undefined;
  const path = fromNpm(OLD);
  if (path === undefined) console.log(`NOT tried on Node ${OLD}: it could not be had from npm`);
  return path;
}

/** By npm's package `node`. */
function fromNpm(major) {
  // Away from here: the packages of this project are none of its business.
  const { status, stdout } = spawnSync(
    'npm',
    ['exec', '--yes', `--package=node@${major}`, '--', 'node', '-p', 'process.execPath'],
    { cwd: tmpdir(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const path = stdout?.trim().split('\n').pop() ?? '';
  return status === 0 && versionOf(path).startsWith(`v${major}.`) ? path : undefined;
}
