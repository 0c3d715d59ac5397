// Compiles the benchmarks and runs them.
import { runCompiled } from './run-compiled.mjs';

process.exitCode = runCompiled('bench', 'bench/main.js', process.argv.slice(2));
