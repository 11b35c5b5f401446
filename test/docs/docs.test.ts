// Documentation that can be checked: keys, defaults and examples of configuration, options of the
// aviary, the description of weights, the folders of the sources, and links between pages.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { gatherConfig } from '../../src/cli/options.ts';
import { float32 } from '../../src/core/tensor.ts';
import { resolveOptions } from '../../src/data/aviary/options.ts';
import { samplers } from '../../src/data/samplers/table.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import { headSettings, networkSettings } from '../../src/methods/settings.ts';
import type { StageSettings } from '../../src/methods/stage-settings.ts';
import { methods } from '../../src/methods/table.ts';
import { parseConfig, type RunConfig, stageSettings } from '../../src/train/config.ts';
import { temporaryFolder } from '../support/files.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Rows of a page's tables by the key in their first cell: `| \`key\` | type | ... |`. */
function tableRows(page: string): Map<string, string[]> {
  const rows = page.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const key = /^`([\w.]+)`$/.exec(cells[1] ?? '')?.[1];
    return key === undefined ? [] : [[key, cells.slice(2, -1)] as const];
  });
  return new Map(rows);
}

/** Dotted paths of the leaves; lists are leaves. */
function leaves(value: object, prefix = ''): Map<string, unknown> {
  return new Map(
    Object.entries(value).flatMap(([key, inner]) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? [...leaves(inner, `${prefix}${key}.`)]
        : [[`${prefix}${key}`, inner] as const],
    ),
  );
}

/** As a page writes a default: `0.1`. Lists are written freely. */
function shown(value: unknown): string {
  return `\`${typeof value === 'object' ? JSON.stringify(value) : value}\``;
}

/** The first fenced block of a language. */
function example(page: string, language: string): string {
  const block = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page);
  if (block === null) throw new Error(`no example in ${language}`);
  return block[1];
}

describe('docs/configuration.md', () => {
  const page = read('docs/configuration.md');
  const rows = tableRows(page);

  test('holds every key of a run, with its default', () => {
    const defaults = parseConfig({ data: 'x' });
    // a key that is added to RunConfig fails the type check here until it is documented
    const every: Record<keyof RunConfig, unknown> = {
      ...defaults,
      format: undefined,
      splits: undefined,
      oneClass: undefined,
      fold: undefined,
      holdOut: undefined,
      epochs: undefined,
      threads: undefined,
      skipBad: undefined,
      maxMegapixels: undefined,
    };
    for (const key of Object.keys(every)) expect([...rows.keys()]).toContain(key);
    for (const [key, value] of Object.entries(defaults)) {
      if (key !== 'data') expect(rows.get(key)?.[1], key).toContain(shown(value));
    }
  });

  test('holds every setting of a stage, with its defaults', () => {
    const columns: StageSettings[] = [
      headSettings(),
      networkSettings(true),
      networkSettings(false),
    ];
    columns.forEach((settings, i) => {
      for (const [key, value] of leaves(settings)) {
        const cells = rows.get(key);
        expect(cells, key).toBeDefined();
        if (!Array.isArray(value)) expect(cells?.[i + 1], key).toBe(shown(value));
      }
    });
  });

  test('holds the settings of the other optimisers and schedules, with their defaults', () => {
    const others = [
      { optimiser: { kind: 'adamw' }, schedule: { kind: 'step', at: [1] } },
      { optimiser: { kind: 'sgd' }, schedule: { kind: 'constant' } },
    ];
    for (const other of others) {
      const { optimiser, schedule } = stageSettings('all', networkSettings(true), other);
      for (const [key, value] of leaves({ optimiser, schedule })) {
        const cells = rows.get(key);
        expect(cells, key).toBeDefined();
        if (cells?.length !== 3 || Array.isArray(value)) continue; // no default, or one a stage
        expect(Number(cells[1].replaceAll('`', '')), key).toBe(value);
      }
    }
  });

  test('holds every sampler and its options', () => {
    for (const { kind, options } of samplers) {
      expect(page).toContain(`\`${kind}\``);
      for (const option of Object.keys(options.parse({ kind }))) {
        expect([...rows.keys()]).toContain(`sampler.${option}`);
      }
    }
  });

  test('holds the options of every method', () => {
    for (const method of methods) {
      for (const option of Object.keys(method.options.parse({}) as object)) {
        expect(page).toContain(`\`${method.name}\` | \`options.${option}\``);
      }
    }
  });

  test('has examples that are valid and mean the same', async () => {
    const files = { 'c.toml': example(page, 'toml'), 'c.json': example(page, 'json') };
    const folder = await temporaryFolder(files);
    const parsed = Object.keys(files).map(async (name) =>
      parseConfig(await gatherConfig(join(folder, name), [], {})),
    );
    const [toml, json] = await Promise.all(parsed);
    expect(toml).toEqual(json);
    for (const [name, wished] of Object.entries(toml.stage)) {
      expect(() => stageSettings(name, networkSettings(true), wished)).not.toThrow();
    }
  });
});

test('docs/datasets.md holds every option of the aviary', () => {
  const keys = [...tableRows(read('docs/datasets.md')).keys()];
  for (const option of Object.keys(resolveOptions({}))) expect(keys).toContain(option);
});

test('docs/weights.md: its example is a valid description, and every field is in the table', async () => {
  const page = read('docs/weights.md');
  const text = example(page, 'json');
  const path = join(await temporaryFolder(), 'weights.safetensors');
  const tensors = new Map([['w', float32([1], [1])]]);
  await writeSafetensors(path, tensors, { fieldmark: text });
  const { description } = await loadWeights(path);
  expect(description).toEqual(JSON.parse(text));
  const keys = [...tableRows(page).keys()];
  for (const key of leaves(description).keys()) expect(keys).toContain(key);
});

test('ARCHITECTURE.md names every folder of the sources', () => {
  const page = read('ARCHITECTURE.md');
  const entries = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isDirectory())) {
    const path = relative(join(root, 'src'), join(entry.parentPath, entry.name));
    expect(page).toContain(`\`${path}/\``);
  }
});

/** All Markdown pages of the project, relative to its root. */
function pages(): string[] {
  const places = ['', 'docs', 'docs/adr'];
  return places.flatMap((place) =>
    readdirSync(join(root, place))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(place, name)),
  );
}

/** The anchor that a heading gets: lower case, no punctuation, hyphens for spaces. */
function anchors(page: string): string[] {
  const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(pages())('%s: relative links lead somewhere', (name) => {
  const page = read(name).replace(/```[\s\S]*?```/g, '');
  for (const [, link] of page.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [path, anchor] = link.split('#');
    const target = path === '' ? join(root, name) : resolve(root, dirname(name), path);
    expect(statSync(target, { throwIfNoEntry: false }), link).toBeDefined();
    if (anchor !== undefined) expect(anchors(readFileSync(target, 'utf8')), link).toContain(anchor);
  }
});
