// Compiles the package: ES modules into dist, and the two entry points as CommonJS into dist/cjs.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync('dist', { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'tsconfig.cjs.json']) {
  try {
    execFileSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });
  } catch {
    // The compiler has printed its errors.
    process.exit(1);
  }
}
// The package consists of ES modules; this folder does not.
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
// The browser files are served unchanged.
cpSync('src/cli/page/browser', 'dist/cli/page/browser', { recursive: true });
