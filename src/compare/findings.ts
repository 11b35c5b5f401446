// What the reviews of stages found while the runs were trained, such as that looking closer hurts:
// a run may be another network than its method's name promises.

import { readManifest } from '../recognise/open-model.ts';
import { runPaths } from '../train/run-folder.ts';

/** One finding of one run. */
export interface RunFinding {
  /** Of the contestant. */
  readonly label: string;
  /** Which of its runs, as in `fold 3, seed 0`; absent where there is only one. */
  readonly run?: string;
  readonly text: string;
}

/** Reads the findings of these runs from their manifests, in order. */
export async function findingsOf(
  runs: readonly (Omit<RunFinding, 'text'> & { readonly folder: string })[],
): Promise<RunFinding[]> {
  const found: RunFinding[] = [];
  for (const { folder, ...of } of runs) {
    const { trained } = await readManifest(runPaths(folder).model);
    for (const text of trained.findings ?? []) found.push({ ...of, text });
  }
  return found;
}
