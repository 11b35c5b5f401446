// The images that a run was trained on and held back, as they lie on the disk now.

import type { Dataset } from '../core/example.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { checkImages } from './check.ts';
import { openDataset } from './datasets/table.ts';
import { type Cut, cutDataset, cutOf, mustHoldBack } from './folds.ts';

/** Where a run's images are, and how it cut them, if it did. */
export interface TrainedImages extends Cut {
  readonly data: string;
  readonly format?: string;
}

/**
 * Opens a run's dataset with the splits that it was trained with. `heldBack` is what the run kept of
 * its cut, which other data with a test split of its own have no need of: throws FM_RUN where today's cut is another (`mustHoldBack`).
 */
export async function openTrainedImages(
  { data, format, ...cut }: TrainedImages,
  heldBack: string | undefined,
): Promise<Dataset> {
  const dataset = await openDataset(data, { format });
  const own = dataset.examples.some(({ split }) => split === 'test');
  if (cutOf(cut) === undefined || (cut.fold === undefined && own)) return dataset;
  const { hashes } = await checkImages(dataset.examples, { cacheFolder: cacheFolder('images') });
  const seen = cutDataset(dataset, cut, hashes);
  mustHoldBack(seen, heldBack);
  return seen;
}
