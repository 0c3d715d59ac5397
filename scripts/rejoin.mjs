// Compiles the rejoin scenarios and runs them.
import { runCompiled } from './run-compiled.mjs';

const folder = 'test/simulation/rejoin';
process.exitCode = runCompiled({
  name: 'rejoin',
  project: folder,
  main: `${folder}/main.js`,
  words: process.argv.slice(2),
});
