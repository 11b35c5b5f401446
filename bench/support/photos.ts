// The photographs that rows on files read: CUB's where they are at hand, else drawn ones.

import { existsSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeAviary } from '../../src/data/aviary/write-aviary.ts';

/** So many photographs make one repetition. */
const COUNT = 48;

export interface Photos {
  /** What they are, in words. */
  readonly about: string;
  /** Absolute paths. */
  readonly paths: readonly string[];
  /** A folder that was made for them, to be removed. */
  readonly temporary?: string;
}

const cub = join(import.meta.dirname, '../../../shared/data/CUB_200_2011-first10/images');

/** Finds or draws them. */
export async function findPhotos(): Promise<Photos> {
  if (existsSync(cub)) {
    return {
      about: `${COUNT} photographs of CUB-200-2011`,
      paths: spread(await jpegsBelow(cub), COUNT),
    };
  }
  const temporary = await mkdtemp(join(tmpdir(), 'fieldmark-bench-'));
  const out = join(temporary, 'aviary');
  await writeAviary({ out, classes: 4, trainPerClass: COUNT / 4, testPerClass: 0, imageSize: 480 });
  return {
    about: `${COUNT} birds drawn by our aviary, 480 x 480 (the CUB photographs are not there)`,
    paths: spread(await jpegsBelow(join(out, 'images')), COUNT),
    temporary,
  };
}

async function jpegsBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => name.endsWith('.jpg'))
    .sort()
    .map((name) => join(folder, name));
}

/** `count` items at equal distances, from the first on. */
export function spread<T>(items: readonly T[], count: number): T[] {
  const n = Math.min(count, items.length);
  return Array.from({ length: n }, (_, i) => items[Math.floor((i * items.length) / n)]);
}
