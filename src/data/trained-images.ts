// The images that a run was trained on and held back, as they lie on the disk now.

import type { Dataset } from '../core/example.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { type ImageProblem, raiseProblems, withoutBad } from './bad-images.ts';
import { checkImages } from './check.ts';
import { openDataset } from './datasets/table.ts';
import { type FoldChoice, foldDataset, mustHoldBack } from './folds.ts';

/** Where a run's images are, and which fold it held back, if any. */
export interface TrainedImages {
  readonly data: string;
  readonly format?: string;
  readonly fold?: FoldChoice;
  /** Whether the run left images out that could not be used: of a fold they were not part. */
  readonly skipBad?: boolean;
  readonly maxPixels?: number;
}

export interface OpenedImages {
  readonly dataset: Dataset;
  /** Images that no fold has, because they cannot be used; without a fold nobody has looked yet. */
  readonly problems: readonly ImageProblem[];
}

/**
 * Opens a run's dataset with the splits that it was trained with. `heldBack` is what the run kept of
 * its fold: throws FM_RUN where today's cut is another (`mustHoldBack`).
 */
export async function openTrainedImages(
  { data, format, fold, skipBad, maxPixels }: TrainedImages,
  heldBack: string | undefined,
): Promise<OpenedImages> {
  const opened = await openDataset(data, { format });
  if (fold === undefined) return { dataset: opened, problems: [] };
  const { hashes, problems } = await checkImages(opened.examples, {
    cacheFolder: cacheFolder('images'),
    maxPixels,
  });
  if (!skipBad) await raiseProblems(problems);
  const cut = foldDataset(withoutBad(opened, problems), fold, hashes);
  mustHoldBack(cut, heldBack);
  return { dataset: cut, problems };
}
