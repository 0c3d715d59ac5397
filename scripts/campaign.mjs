// Compiles the fault campaign and runs it.
import { runCompiled } from './run-compiled.mjs';

const folder = 'test/simulation/campaign';
process.exitCode = runCompiled({
  name: 'campaign',
  project: folder,
  main: `${folder}/main.js`,
  words: process.argv.slice(2),
});
