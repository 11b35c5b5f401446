// What travels in the package: all that is run, every page that a message names, and no more.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Packed {
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** What `npm pack` would put in, by its own account; asks nobody. */
function packed(): Packed {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'];
  const text = execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  return JSON.parse(text)[0];
}

describe('the package', () => {
  const { files, unpackedSize } = packed();
  const paths = files.map(({ path }) => path);

  test('holds the compiled library and command, their types, and the pages', () => {
    for (const path of [
      ...['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'dist/train/worker.js'],
      ...['dist/data/loader-worker.js', 'README.md', 'LICENSE', 'package.json', 'CHANGELOG.md'],
    ]) {
      expect(paths).toContain(path);
    }
  });

  test('holds no sources, tests, maps or state of the compiler, and is small', () => {
    const rest = paths.filter(
      (path) => !/^(dist|docs|examples)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(path),
    );
    expect(rest).toEqual([]);
    expect(paths.filter((path) => /\.map$|tsbuildinfo/.test(path))).toEqual([]);
    expect(unpackedSize).toBeLessThan(4e6);
  });

  test('holds every page that a message names', () => {
    const src = join(root, 'src');
    const names = readdirSync(src, { recursive: true, encoding: 'utf8' });
    const texts = names
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(src, name), 'utf8'));
    const named = new Set(texts.flatMap((text) => text.match(/docs\/[\w/-]+\.md/g) ?? []));
    expect(named.size).toBeGreaterThan(3);
    for (const page of named) expect(paths).toContain(page);
  });

  test('holds what its pages link to', () => {
    for (const page of paths.filter((path) => path.endsWith('.md'))) {
      const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
      for (const [, link] of text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(link)) continue;
        const target = normalize(join(dirname(page), link));
        const found = paths.some((path) => path === target || path.startsWith(`${target}/`));
        expect(found, `${page}: ${link}`).toBe(true);
      }
    }
  });
});
