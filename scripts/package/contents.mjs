// The tarball holds what is needed, and nothing else.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { run } from './run.mjs';

const BESIDE_DIST = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];

export function checkContents(tarball, installed) {
  const files = run('tar', ['-tzf', tarball])
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
  const needed = new Set(BESIDE_DIST);
  for (const entry of entries(installed)) addImports(installed, entry, needed);

  const stray = files.filter((file) => !needed.has(file));
  if (stray.length > 0) throw new Error(`the tarball holds more than it should: ${stray}`);
  const missing = [...needed].filter((file) => !files.includes(file));
  if (missing.length > 0) throw new Error(`the tarball lacks ${missing}`);

  const unpacked = files.reduce((sum, file) => sum + statSync(join(installed, file)).size, 0);
  console.log(
    `${files.length} files, all needed; ${kilobytes(statSync(tarball).size)} packed, ` +
      `${kilobytes(unpacked)} unpacked`,
  );
}

/** Where users come in: what is exported, and the command. */
function entries(installed) {
  const { exports, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  return [...targets, ...Object.values(bin)].map((path) => join(path));
}

/** The file, and all that it imports; a module comes with its types, and these with the module. */
function addImports(root, file, needed) {
  if (needed.has(file) || !existsSync(join(root, file))) return void needed.add(file);
  needed.add(file);
  if (!/\.(js|d\.ts)$/.test(file)) return;
  const isTypes = file.endsWith('.d.ts');
  const twin = isTypes ? file.replace(/\.d\.ts$/, '.js') : file.replace(/\.js$/, '.d.ts');
  if (file.startsWith('dist/')) addImports(root, twin, needed);
  for (const [, path] of readFileSync(join(root, file), 'utf8').matchAll(
    /(?:\bfrom |\bimport |\bimport\(|new URL\()['"](\.[^'"]+)['"]/g,
  )) {
    const target = relative(root, join(root, dirname(file), path));
    addImports(root, isTypes ? target.replace(/\.js$/, '.d.ts') : target, needed);
  }
}

function kilobytes(bytes) {
  return `${Math.ceil(bytes / 1000)} kB`;
}
