// The types, as a strict project sees them: our own type tests against the installed package, and an import of every
// public name.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import { run } from './run.mjs';

const ENTRIES = {
  'node-memberlist': 'index',
  'node-memberlist/bus': 'bus/index',
  'node-memberlist/ring': 'ring/index',
  'node-memberlist/serf': 'serf/index',
  'node-memberlist/state': 'state/index',
  'node-memberlist/testing': 'testing/index',
};
const TESTS = ['public-api.ts', 'testing-api.ts'];
const WAYS = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
  // This mode knows that require() loads ES modules.
  'nodenext with require': { module: 'nodenext', moduleResolution: 'nodenext' },
};
/** The settings of CommonJS projects. TypeScript 6 calls this resolution deprecated. */
const COMMONJS = {
  module: 'commonjs',
  moduleResolution: 'node10',
  ignoreDeprecations: '6.0',
  verbatimModuleSyntax: false,
  esModuleInterop: true,
};
const OPTIONS = {
  target: 'es2022',
  lib: ['es2022'],
  // Our types include Node's, if these are installed.
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  noEmit: true,
};
const REQUIRE = `
import memberlist = require('node-memberlist');
import testing = require('node-memberlist/testing');
async function use(network: testing.MemoryNetwork): Promise<memberlist.Node[]> {
  const list = await memberlist.Memberlist.create({ transport: network.transport('a') });
  return list.members();
}
export = use;
`;

export function checkTypes(project) {
  const own = JSON.parse(readFileSync('package.json', 'utf8'));
  const nodeTypes = `@types/node@${own.devDependencies['@types/node']}`;
  run('npm', ['install', '--no-audit', '--no-fund', '--silent', '-D', nodeTypes], project);

  const folder = join(project, 'src');
  mkdirSync(folder);
  const manifest = readFileSync(join(project, 'package.json'), 'utf8');
  writeFileSync(join(project, 'package.json'), manifestOfModules(manifest));
  for (const test of TESTS) writeFileSync(join(folder, test), asUser(test));
  let names = 0;
  for (const [specifier, entry] of Object.entries(ENTRIES)) {
    const exported = publicNames(join(project, `node_modules/node-memberlist/dist/${entry}.d.ts`));
    names += exported.length;
    const imports = `import type { ${exported.join(', ')} } from '${specifier}';\n`;
    const uses = `export type { ${exported.join(', ')} };\n`;
    writeFileSync(join(folder, `names-of-${entry.replace('/', '-')}.ts`), imports + uses);
  }

  mkdirSync(join(project, 'required'));
  writeFileSync(join(project, 'required/index.cts'), REQUIRE);

  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  for (const [way, resolution] of Object.entries(WAYS)) {
    const include = way.includes('require') ? ['src', 'required'] : ['src'];
    const config = { compilerOptions: { ...OPTIONS, ...resolution }, include };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
    run(process.execPath, [tsc, '-p', '.'], project);
  }
  writeFileSync(join(project, 'package.json'), manifest);
  const config = { compilerOptions: { ...OPTIONS, ...COMMONJS }, include: ['src'] };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
  run(process.execPath, [tsc, '-p', '.'], project);
  const ways = [...Object.keys(WAYS), 'commonjs with node10'];
  console.log(
    `TypeScript ${ts.version}, strict, libraries checked, by ${ways.join(', ')}: ` +
      `${names} public names`,
  );
}

/** A type test, with the package instead of our sources. */
function asUser(test) {
  const text = readFileSync(join('test/types', test), 'utf8')
    .replaceAll("'../../src/index.js'", "'node-memberlist'")
    .replaceAll("'../../src/bus/index.js'", "'node-memberlist/bus'")
    .replaceAll("'../../src/ring/index.js'", "'node-memberlist/ring'")
    .replaceAll("'../../src/serf/index.js'", "'node-memberlist/serf'")
    .replaceAll("'../../src/state/index.js'", "'node-memberlist/state'")
    .replaceAll("'../../src/testing/index.js'", "'node-memberlist/testing'");
  if (text.includes('../')) throw new Error(`${test} imports files that users do not have`);
  return text;
}

function manifestOfModules(manifest) {
  return JSON.stringify({ ...JSON.parse(manifest), type: 'module' });
}

function publicNames(file) {
  const program = ts.createProgram([file], { module: ts.ModuleKind.Node16, noEmit: true });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  return checker.getExportsOfModule(module).map(({ name }) => name);
}
