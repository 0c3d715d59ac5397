#!/usr/bin/env node
import { unsupportedNode } from '../dist/runtime/node-version.js';

const problem = unsupportedNode(process.versions.node);
if (problem === undefined) {
  const { main } = await import('../dist/cli/main.js');
  process.exitCode = await main(process.argv.slice(2), process);
} else {
  console.error(problem);
  process.exitCode = 1;
}
