// The recipes of docs/TESTING.md: a simulated cluster under popular test runners.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

const RECIPES = 'examples/test-runners';

/** Installs all runners and the package once, and runs each recipe. */
export function checkRunners(folder, tarball) {
  const recipes = readdirSync(RECIPES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const devDependencies = {};
  for (const recipe of recipes) {
    const manifest = JSON.parse(readFileSync(join(RECIPES, recipe, 'package.json'), 'utf8'));
    Object.assign(devDependencies, manifest.devDependencies);
  }
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, devDependencies }));
  run('npm', ['install', '--no-audit', '--no-fund', '--silent', tarball], folder);
  for (const recipe of recipes) {
    const copy = join(folder, recipe);
    cpSync(join(RECIPES, recipe), copy, { recursive: true });
    // The runners print their reports to stderr; only their exit status matters.
    run('npm', ['test', '--silent'], copy, { quiet: true });
  }
  console.log(`a simulated cluster under ${recipes.join(', ')}`);
}
