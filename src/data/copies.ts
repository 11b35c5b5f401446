// Images that are there more than once: under two labels, which one of them must be wrong, or in
// two splits, where what is scored has been trained on.

import { stat } from 'node:fs/promises';
import type { Dataset, Example, Split } from '../core/example.ts';
import { hashFile } from '../formats/hash-file.ts';
import { counted, firstNames } from './datasets/left-out.ts';

type Labelled = Pick<Example, 'id' | 'label' | 'split'>;

const PHOTOGRAPHS = ['photograph', 'photographs'] as const;

/** Notes on images of equal bytes. `hashes` may lack images: of these nothing is known. */
export function copyNotes(
  { examples, classes }: Pick<Dataset, 'examples' | 'classes'>,
  hashes: ReadonlyMap<string, string>,
): string[] {
  const groups = equalImages(examples, hashes);
  const twoLabels = groups.flatMap((group) => {
    const [first] = group;
    const other = group.find(({ label }) => label !== first.label);
    if (other === undefined) return [];
    return [`${first.id} (${classes[first.label]}) is ${other.id} (${classes[other.label]})`];
  });
  const labels =
    twoLabels.length === 0
      ? []
      : [
          `${counted(twoLabels.length, PHOTOGRAPHS)} under two labels, of which one must be wrong: ${firstNames(twoLabels)}`,
        ];
  const noClass = doubtfulClasses(examples, groups).map((label) => classes[label]);
  const collections =
    noClass.length === 0
      ? []
      : [
          `every photograph of ${firstNames(noClass)} is in another class too: take out what is no ` +
            'class of its own, such as a collection of all',
        ];
  return [
    ...labels,
    ...collections,
    ...(['val', 'test'] as const).flatMap((split) => splitNote(groups, split)),
  ];
}

/** Classes of which every photograph has another label as well. */
function doubtfulClasses(examples: readonly Labelled[], groups: readonly Labelled[][]): number[] {
  const shared = new Set(
    groups.flatMap((group) => (new Set(group.map(({ label }) => label)).size > 1 ? group : [])),
  );
  const own = new Set(examples.flatMap((one) => (shared.has(one) ? [] : [one.label])));
  return [...new Set([...shared].map(({ label }) => label))]
    .filter((label) => !own.has(label))
    .sort((a, b) => a - b);
}

function splitNote(groups: readonly Labelled[][], split: Split): string[] {
  const pairs = groups.flatMap((group) => {
    const trained = group.find((one) => one.split === 'train');
    const copies = group.filter((one) => one.split === split);
    return trained === undefined ? [] : copies.map(({ id }) => `${id} is ${trained.id}`);
  });
  if (pairs.length === 0) return [];
  const name = split === 'val' ? 'validation' : 'test';
  const what = counted(pairs.length, [`${name} image is a copy`, `${name} images are copies`]);
  return [
    `${what} of training images, so that accuracy on '${split}' says too much: ${firstNames(pairs)}`,
  ];
}

/** Images of equal bytes, in the order of the examples; single ones left out. */
function equalImages(
  examples: readonly Labelled[],
  hashes: ReadonlyMap<string, string>,
): Labelled[][] {
  const groups = new Map<string, Labelled[]>();
  for (const example of examples) {
    const hash = hashes.get(example.id);
    if (hash === undefined) continue;
    const group = groups.get(hash);
    if (group === undefined) groups.set(hash, [example]);
    else group.push(example);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/**
 * Notes on images of a split that are copies of training images, or of one another under two
 * labels. Only files of equal size are read.
 */
export async function copiesInSplit(
  dataset: Pick<Dataset, 'examples' | 'classes'>,
  split: Split,
): Promise<string[]> {
  const examples = dataset.examples.filter((one) => one.split === split || one.split === 'train');
  const sizes = await mapped(examples, async ({ path }) => (await stat(path)).size);
  const same = new Map<number, Example[]>();
  examples.forEach((example, i) => {
    const size = sizes[i];
    if (size !== undefined) same.set(size, [...(same.get(size) ?? []), example]);
  });
  const doubtful = [...same.values()].filter(
    (group) => group.length > 1 && group.some((one) => one.split === split),
  );
  const read = doubtful.flat();
  const found = await mapped(read, ({ path }) => hashFile(path));
  const hashes = new Map(
    read.flatMap(({ id }, i) => (found[i] === undefined ? [] : [[id, found[i]]])),
  );
  return copyNotes(dataset, hashes);
}

/** One result for each example, a few at a time; undefined for files that cannot be read. */
async function mapped<T>(
  examples: readonly Example[],
  of: (example: Example) => Promise<T>,
): Promise<(T | undefined)[]> {
  const results = new Array<T | undefined>(examples.length);
  let next = 0;
  const work = async () => {
    while (next < examples.length) {
      const i = next++;
      results[i] = await of(examples[i]).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return results;
}
