// The images that a run was trained on and held back, as they lie on the disk now.

import type { Dataset } from '../core/example.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { checkImages } from './check.ts';
import { openDataset } from './datasets/table.ts';
import { type FoldChoice, foldDataset, mustHoldBack } from './folds.ts';

/** Where a run's images are, and which fold it held back, if any. */
export interface TrainedImages {
  readonly data: string;
  readonly format?: string;
  readonly fold?: FoldChoice;
}

/**
 * Opens a run's dataset with the splits that it was trained with. `heldBack` is what the run kept
 * of its fold: throws FM_RUN where today's cut is another (`mustHoldBack`). Folders named like the
 * run's `classes` are classes.
 */
export async function openTrainedImages(
  { data, format, fold }: TrainedImages,
  heldBack: string | undefined,
  classes: readonly string[],
): Promise<Dataset> {
  const known = new Set(classes.map((name) => name.normalize()));
  const dataset = await openDataset(data, { format, known });
  if (fold === undefined) return dataset;
  const { hashes } = await checkImages(dataset.examples, { cacheFolder: cacheFolder('images') });
  const cut = foldDataset(dataset, fold, hashes);
  mustHoldBack(cut, heldBack);
  return cut;
}
