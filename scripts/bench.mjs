// Compiles the benchmarks and runs them.
import { runCompiled } from './run-compiled.mjs';

process.exitCode = runCompiled({
  name: 'bench',
  project: 'tsconfig.bench.json',
  main: 'bench/main.js',
  words: process.argv.slice(2),
});
