// Checks that the tarball contains everything that is needed, and nothing else.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { run } from './run.mjs';

const BESIDE_DIST = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];

export function checkContents(tarball, installed) {
  const files = run('tar', ['-tzf', tarball])
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
  const needed = new Set([...BESIDE_DIST, ...documents(installed)]);
  for (const entry of entries(installed)) addImports(installed, entry, needed);

  const stray = files.filter((file) => !needed.has(file));
  if (stray.length > 0) throw new Error(`the tarball contains unneeded files: ${stray}`);
  const missing = [...needed].filter((file) => !files.includes(file));
  if (missing.length > 0) throw new Error(`missing in the tarball: ${missing}`);

  const unpacked = files.reduce((sum, file) => sum + statSync(join(installed, file)).size, 0);
  console.log(
    `${files.length} files, all needed; ${kilobytes(statSync(tarball).size)} packed, ` +
      `${kilobytes(unpacked)} unpacked`,
  );
}

/** The entry points for users: the exports, and the command. */
function entries(installed) {
  const { exports, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  return [...Object.values(exports).flatMap(filesOf), ...Object.values(bin)].map((path) =>
    join(path),
  );
}

/** The files of a target of `exports`, under all conditions. */
export function filesOf(target) {
  return typeof target === 'string' ? [target] : Object.values(target).flatMap(filesOf);
}

/** Adds a file and all its imports; a module includes its types, and vice versa. */
function addImports(root, file, needed) {
  if (needed.has(file) || !existsSync(join(root, file))) return void needed.add(file);
  needed.add(file);
  if (!/\.(js|d\.ts)$/.test(file)) return;
  const isTypes = file.endsWith('.d.ts');
  const twin = isTypes ? file.replace(/\.d\.ts$/, '.js') : file.replace(/\.js$/, '.d.ts');
  if (file.startsWith('dist/')) addImports(root, twin, needed);
  if (file.startsWith('dist/cjs/')) needed.add('dist/cjs/package.json');
  const text = readFileSync(join(root, file), 'utf8');
  addSource(root, file, text, needed);
  for (const [, path] of text.matchAll(
    /(?:\bfrom |\bimport |\bimport\(|\brequire\(|new URL\()['"](\.[^'"]+)['"]/g,
  )) {
    const target = relative(root, join(root, dirname(file), path));
    addImports(root, isTypes ? target.replace(/\.js$/, '.d.ts') : target, needed);
  }
}

/** Adds the source map of a module, and its sources. */
function addSource(root, file, text, needed) {
  const [, name] = /^\/\/# sourceMappingURL=(.+)$/m.exec(text) ?? [];
  if (name === undefined) return;
  const map = join(dirname(file), name);
  needed.add(map);
  for (const source of JSON.parse(readFileSync(join(root, map), 'utf8')).sources) {
    needed.add(join(dirname(map), source));
  }
}

function kilobytes(bytes) {
  return `${Math.ceil(bytes / 1000)} kB`;
}

/** The documents that the README links to. */
function documents(installed) {
  const readme = readFileSync(join(installed, 'README.md'), 'utf8');
  return [...readme.matchAll(/\((docs\/[\w-]+\.md)[#)]/g)].map(([, path]) => path);
}
