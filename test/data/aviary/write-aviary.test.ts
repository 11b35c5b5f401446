import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attributeNames, markNames } from '../../../src/data/aviary/field-marks.ts';
import { PART_NAMES } from '../../../src/data/aviary/parts.ts';
import { designSpecies } from '../../../src/data/aviary/species.ts';
import { type AviarySummary, boxOf, writeAviary } from '../../../src/data/aviary/write-aviary.ts';
import { openDataset } from '../../../src/data/datasets/table.ts';

const small = { classes: 5, trainPerClass: 4, testPerClass: 2, imageSize: 96, seed: 11 };
let home: string;
let summary: AviarySummary;
let root: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'aviary-'));
  root = join(home, 'deep', 'first');
  summary = await writeAviary({ ...small, out: root, labelNoise: 0.25 });
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('writeAviary', () => {
  it('says what it wrote', () => {
    const counts = { classes: 5, genera: 1, train: 20, test: 10, wrongLabels: 5 };
    expect(summary).toEqual({ root, ...counts });
  });

  it('writes the files of CUB-200-2011', async () => {
    const species = designSpecies(small);
    expect(await table('classes.txt')).toEqual(
      species.map(({ name }, i) => [`${i + 1}`, `00${i + 1}.${name.replaceAll(' ', '_')}`]),
    );
    expect(await table('hierarchy.txt')).toEqual(species.map((s, i) => [`${i + 1}`, s.genus]));
    expect(await table('parts/parts.txt')).toEqual(
      PART_NAMES.map((name, i) => [`${i + 1}`, ...name.split(' ')]),
    );
    for (const file of ['images', 'image_class_labels', 'train_test_split', 'bounding_boxes']) {
      const ids = (await table(`${file}.txt`)).map(([id]) => Number(id));
      expect(ids).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    }
    expect(await table('parts/part_locs.txt')).toHaveLength(30 * 15);
    const about = JSON.parse(await readFile(join(root, 'aviary.json'), 'utf8'));
    expect(about.species).toEqual(species);
    expect(about.options).toMatchObject({ ...small, difficulty: 'standard' });
  });

  it('writes field marks as attributes, which differ as the species do', async () => {
    const species = designSpecies(small);
    const { attributes } = await openDataset(root);
    expect(attributes!.names).toEqual(attributeNames);
    expect(attributes!.names).toContain('has_bill::black');
    expect(attributes!.names.filter((name) => name.endsWith('plain'))).toEqual([]);
    const seen = attributes!.ofClass.map((row) => attributeNames.filter((_, i) => row[i]));
    species.forEach(({ marks }, i) => {
      const shown = markNames.filter((mark) => marks[mark] !== 'plain');
      expect(seen[i]).toEqual(shown.map((mark) => `has_${mark}::${marks[mark]}`));
    });
    expect(new Set(seen.map(String)).size).toBe(species.length);
  });

  it('gives every picture its mask and a box that is tight around it', async () => {
    const boxes = await table('bounding_boxes.txt');
    for (const [i, [, path]] of (await table('images.txt')).entries()) {
      const picture = await sharp(join(root, 'images', path)).metadata();
      expect([picture.width, picture.height, picture.channels]).toEqual([96, 96, 3]);
      const maskFile = join(root, 'segmentations', path.replace('.jpg', '.png'));
      expect((await sharp(maskFile).metadata()).channels).toBe(1);
      const data = await sharp(maskFile).extractChannel(0).raw().toBuffer();
      expect(new Set(data)).toEqual(new Set([0, 255]));
      const box = boxOf(data, 96);
      expect(boxes[i].slice(1).map(Number)).toEqual([...box]);
      expect(Math.max(box[2], box[3])).toBeGreaterThan(0.5 * 96);
      expect(Math.max(box[2], box[3])).toBeLessThan(0.86 * 96);
    }
  });

  it('puts visible parts into the box, one eye and one wing at most', async () => {
    const boxes = (await table('bounding_boxes.txt')).map((row) => row.map(Number));
    const parts = (await table('parts/part_locs.txt')).map((row) => row.map(Number));
    for (const [image, , x, y, visible] of parts) {
      if (visible === 0) expect([x, y]).toEqual([0, 0]);
      else {
        const [, left, top, width, height] = boxes[image - 1];
        expect(x).toBeGreaterThanOrEqual(left - 2);
        expect(x).toBeLessThanOrEqual(left + width + 2);
        expect(y).toBeGreaterThanOrEqual(top - 2);
        expect(y).toBeLessThanOrEqual(top + height + 2);
      }
    }
    for (let image = 1; image <= 30; image++) {
      const shown = parts.filter((row) => row[0] === image && row[4] === 1).map((row) => row[1]);
      expect(shown.length).toBeGreaterThanOrEqual(8);
      expect(shown.filter((part) => part === 7 || part === 11).length).toBeLessThanOrEqual(1);
      expect(shown.filter((part) => part === 9 || part === 13).length).toBeLessThanOrEqual(1);
      expect(shown.includes(7) && shown.includes(13)).toBe(false);
    }
  });

  it('puts wrong labels on the wanted share of training pictures only', async () => {
    const [labels, truth, split, images] = await Promise.all(
      ['image_class_labels', 'true_labels', 'train_test_split', 'images'].map(async (file) =>
        (await table(`${file}.txt`)).map((row) => row[1]),
      ),
    );
    const wrong = labels.flatMap((label, i) => (label === truth[i] ? [] : [i]));
    expect(wrong).toHaveLength(5);
    for (const i of wrong) expect(split[i]).toBe('1');
    for (const [i, path] of images.entries()) expect(Number(path.split('.')[0])).toBe(+truth[i]);
    for (const label of labels) expect(Number(label)).toBeGreaterThanOrEqual(1);
  });

  it('writes the same bytes again, and noise changes no picture', async () => {
    const [again, clean, other] = ['again', 'clean', 'other'].map((name) => join(home, name));
    await writeAviary({ ...small, out: again, labelNoise: 0.25 });
    await writeAviary({ ...small, out: clean });
    await writeAviary({ ...small, out: other, seed: 12 });
    const first = await digests(root);
    expect(await digests(again)).toEqual(first);
    const changed = Object.entries(await digests(clean)).filter(([k, v]) => first[k] !== v);
    expect(changed.map(([path]) => path).sort()).toEqual(['aviary.json', 'image_class_labels.txt']);
    expect(await digests(other)).not.toEqual(first);
  });

  it('reports progress and fills an empty folder', async () => {
    const out = join(home, 'empty');
    await mkdir(out);
    const seen: number[] = [];
    const options = { ...small, classes: 2, out, trainPerClass: 2, testPerClass: 0 };
    await writeAviary({ ...options, onProgress: (done, total) => seen.push(done, total) });
    expect(seen).toEqual([1, 4, 2, 4, 3, 4, 4, 4]);
  });

  it('refuses a folder with something in it', async () => {
    const out = join(home, 'full');
    await mkdir(out);
    await writeFile(join(out, 'precious.txt'), 'keep me');
    await expect(writeAviary({ ...small, out })).rejects.toMatchObject({ code: 'FM_DISK' });
    expect(await readdir(out)).toEqual(['precious.txt']);
  });

  it('leaves nothing behind when stopped', async () => {
    const parent = join(home, 'stopped');
    await mkdir(parent);
    const control = new AbortController();
    const onProgress = (done: number) => {
      if (done === 3) control.abort(new Error('enough'));
    };
    const run = writeAviary({
      ...small,
      out: join(parent, 'set'),
      onProgress,
      signal: control.signal,
    });
    await expect(run).rejects.toThrow('enough');
    expect(await readdir(parent)).toEqual([]);
  });

  it.each([
    { classes: 1 },
    { classes: 2.5 },
    { imageSize: 8 },
    { labelNoise: 1.5 },
    { fill: [0.9, 0.5] as const },
    { difficulty: 'absurd' as 'easy' },
    { trainPerClass: 0, testPerClass: 0 },
  ])('refuses %j', async (options) => {
    const run = writeAviary({ ...options, out: join(home, 'never') });
    await expect(run).rejects.toMatchObject({ code: 'FM_CONFIG' });
  });
});

async function table(file: string): Promise<string[][]> {
  const text = await readFile(join(root, file), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
}

/** Relative path -> hash of every file under a folder. */
async function digests(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const pairs = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const hash = createHash('sha256').update(await readFile(path));
    return [path.slice(folder.length + 1), hash.digest('hex')];
  });
  return Object.fromEntries(await Promise.all(pairs));
}
