// The programs on the pages compile for whoever is strictest.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The fenced blocks of a language on a page, as modules. */
function snippets(page: string, language: string): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = text.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'));
  return [...blocks].map(([, body]) => body);
}

const options: ts.CompilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
  paths: {
    fieldmark: [join(root, 'src/index.ts')],
    'fieldmark/browser': [join(root, 'src/browser.ts')],
    'fieldmark/*': [join(root, 'src/*/index.ts')],
  },
};

/** What the compiler says of modules that are texts, and not of what they import. */
function complaints(modules: Readonly<Record<string, string>>): string[] {
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.fileExists = (name) => name in modules || fileExists(name);
  host.readFile = (name) => modules[name] ?? readFile(name);
  host.getSourceFile = (name, ...rest) =>
    name in modules
      ? ts.createSourceFile(name, modules[name], ts.ScriptTarget.ES2022)
      : getSourceFile(name, ...rest);
  const program = ts.createProgram(Object.keys(modules), options, host);
  return Object.keys(modules).flatMap((name) => {
    const file = program.getSourceFile(name);
    const found = [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ];
    return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  });
}

describe('programs on the pages', () => {
  const pages = ['README.md', 'docs/library.md'];
  const modules = Object.fromEntries(
    pages.flatMap((page) =>
      snippets(page, 'ts').map((text, i) => [
        join(root, 'test', `${i}-${page.replace('/', '-')}.mts`),
        text,
      ]),
    ),
  );

  test('are there', () => {
    expect(Object.keys(modules).length).toBeGreaterThanOrEqual(4);
  });

  test('compile', { timeout: 300_000 }, () => {
    expect(complaints(modules)).toEqual([]);
    const wrong = `import { loadRecogniser } from 'fieldmark';\nloadRecogniser(3);\n[1][0].toFixed();`;
    expect(complaints({ [join(root, 'test/wrong.mts')]: wrong })).toHaveLength(2);
  });
});
