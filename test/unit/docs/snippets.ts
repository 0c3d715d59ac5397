/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The code blocks of a document as programs. A block of TypeScript is one program. Comments before it, which
// a reader does not see, may add code before and after it:
//
//     <!-- setup … -->   code that the block requires
//     <!-- check … -->   assertions after it has run
//
// Both can use `assert` and `temporary`, a folder. Code that needs other machines, or ends the process, is
// compiled and not run:
//
//     <!-- compiled only -->
//
// A block that shows a file names it, and is not run, because the file itself is:
//
//     <!-- from path/of/the/file.ts -->
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';

const root = new URL('../../../', import.meta.url).pathname;
const entryPoints: Readonly<Record<string, string>> = {
  'node-memberlist': join(root, 'src/index.js'),
  'node-memberlist/bus': join(root, 'src/bus/index.js'),
  'node-memberlist/ring': join(root, 'src/ring/index.js'),
  'node-memberlist/serf': join(root, 'src/serf/index.js'),
  'node-memberlist/state': join(root, 'src/state/index.js'),
  'node-memberlist/testing': join(root, 'src/testing/index.js'),
  'prom-client': join(root, 'node_modules/prom-client/index.js'),
};

/** One block of a document. */
export interface Snippet {
  /** The document and the line, for the test's name. */
  readonly where: string;
  /** The whole program, as it is compiled and run. */
  readonly program: string;
  /** Whether the program is run as well. */
  readonly runs: boolean;
}

/** A block that shows a file. */
export interface Excerpt {
  readonly file: string;
  readonly code: string;
}

const excerpt = /<!-- from (\S+) -->\n\n```[jt]s\n([^]*?)```/g;

/** The same number of lines, all empty. */
function blank(text: string): string {
  return text.replace(/.+/g, '');
}

/** The blocks of a document that show files. */
export function excerptsOf(document: string): Excerpt[] {
  const text = readFileSync(join(root, document), 'utf8');
  return Array.from(text.matchAll(excerpt), ([, file = '', code = '']) => ({ file, code }));
}

/** The blocks of a document that are programs. The path is relative to the repository. */
export function snippetsOf(document: string): Snippet[] {
  const text = readFileSync(join(root, document), 'utf8').replace(excerpt, blank);
  const parts = /<!-- (setup|check)\n([^]*?)-->|<!-- compiled only -->|```ts\n([^]*?)```/g;
  const snippets: Snippet[] = [];
  let around = { setup: '', check: '' };
  let runs = true;
  for (const { 0: whole, 1: kind, 2: hidden = '', 3: code = '', index } of text.matchAll(parts)) {
    if (kind === 'setup' || kind === 'check') {
      around[kind] = hidden;
      continue;
    }
    if (!whole.startsWith('```')) {
      runs = false;
      continue;
    }
    const line = text.slice(0, index + whole.indexOf('\n')).split('\n').length;
    const program = [around.setup, code, around.check].join('\n');
    snippets.push({ where: `${document}:${line}`, program, runs });
    around = { setup: '', check: '' };
    runs = true;
  }
  return snippets;
}

/** Compiles and runs the programs in a temporary folder; dispose it to remove the folder. */
export class SnippetFolder implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'snippets-'));
  readonly #files = new Map<Snippet, string>();
  readonly #given = [
    `import assert from 'node:assert/strict';`,
    `const temporary: string = ${JSON.stringify(this.#folder)};`,
    `void [assert, temporary];`,
  ].join('\n');
  readonly #givenLines = this.#given.split('\n').length;
  #compiled: ts.Program | undefined;

  constructor(snippets: readonly Snippet[]) {
    for (const [i, snippet] of snippets.entries()) {
      const file = join(this.#folder, `snippet-${i}.mts`);
      const program = snippet.program.replace(
        /from '(node-memberlist(?:\/(?:bus|ring|serf|state|testing))?|prom-client)'/g,
        (_whole, name: string) => `from '${entryPoints[name] ?? name}'`,
      );
      writeFileSync(file, `${this.#given}\n${program}`);
      this.#files.set(snippet, file);
    }
  }

  /** The compiler errors of a program; empty if there are none. */
  problems(snippet: Snippet): string[] {
    const program = (this.#compiled ??= this.#compile());
    const source = program.getSourceFile(this.#files.get(snippet) as string);
    const found = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    return found.map(({ file, start = 0, messageText }) => {
      const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1 - this.#givenLines;
      const message = ts.flattenDiagnosticMessageText(messageText, '\n');
      return `line ${line}: ${message}`;
    });
  }

  /** Runs one program to its end. */
  async run(snippet: Snippet): Promise<void> {
    await import(pathToFileURL(this.#files.get(snippet) as string).href);
  }

  #compile(): ts.Program {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) =>
      ts.sys.readFile(path),
    ) as { config: { compilerOptions: object } };
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
    const typeRoots = [join(root, 'node_modules/@types')];
    return ts.createProgram([...this.#files.values()], { ...options, typeRoots });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
