// The images that a run was trained on and held back, as they lie on the disk now.

import type { Dataset } from '../core/example.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { type ImageProblem, raiseProblems, withoutBad } from './bad-images.ts';
import { checkImages } from './check.ts';
import { openDataset } from './datasets/table.ts';
import { type Cut, cutDataset, cutOf, mustHoldBack } from './folds.ts';

/** Where a run's images are, and how it cut them, if it did. */
export interface TrainedImages extends Cut {
  readonly data: string;
  readonly format?: string;
  /** Whether the run left images out that could not be used: of a cut they were not part. */
  readonly skipBad?: boolean;
  readonly maxPixels?: number;
}

export interface OpenedImages {
  readonly dataset: Dataset;
  /** Images that no side of a cut has, because they cannot be used; without one nobody has looked yet. */
  readonly problems: readonly ImageProblem[];
}

/**
 * Opens a run's dataset with the splits that it was trained with. `heldBack` is what the run kept of its
 * cut, which other data with a test split of its own have no need of: throws FM_RUN where today's cut is
 * another (`mustHoldBack`). Folders named like the run's `classes` are classes.
 */
export async function openTrainedImages(
  { data, format, skipBad, maxPixels, ...cut }: TrainedImages,
  heldBack: string | undefined,
  classes: readonly string[],
): Promise<OpenedImages> {
  const known = new Set(classes.map((name) => name.normalize()));
  const opened = await openDataset(data, { format, known });
  const own = opened.examples.some(({ split }) => split === 'test');
  if (cutOf(cut) === undefined || (cut.fold === undefined && own)) {
    return { dataset: opened, problems: [] };
  }
  const { hashes, problems } = await checkImages(opened.examples, {
    cacheFolder: cacheFolder('images'),
    maxPixels,
  });
  if (!skipBad) await raiseProblems(problems);
  const dataset = cutDataset(withoutBad(opened, problems), cut, hashes);
  mustHoldBack(dataset, heldBack);
  return { dataset, problems };
}
