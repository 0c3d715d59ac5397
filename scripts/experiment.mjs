// Compiles the experiments and runs one.
import { runCompiled } from './run-compiled.mjs';

const [name, ...words] = process.argv.slice(2);
process.exitCode = runCompiled({
  name: 'experiments',
  project: 'tsconfig.experiments.json',
  main: `experiments/${name}/main.js`,
  words,
});
