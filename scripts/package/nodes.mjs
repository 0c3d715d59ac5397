// The Nodes that the package is used with.
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter } from 'node:path';
import { run } from './run.mjs';

const NEWER = [22, 24];

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
    // Away from here: the packages of this project are none of its business.
    const { status, stdout } = spawnSync(
      'npm',
      ['exec', '--yes', `--package=node@${major}`, '--', 'node', '-p', 'process.execPath'],
      { cwd: tmpdir(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const path = stdout?.trim().split('\n').pop() ?? '';
    if (status === 0 && versionOf(path).startsWith(`v${major}.`)) return [path];
    console.log(`NOT used with Node ${major}: it could not be had from npm; name one in NODES`);
    return [];
  });
}
