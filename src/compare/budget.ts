// What a contestant's runs were given: how often they passed over their images, stage by stage. A
// difference in accuracy may be owed to a difference in these.

import { readManifest } from '../recognise/open-model.ts';
import { type MetricsPhase, phasesOf, readMetrics } from '../train/read-metrics.ts';
import { runPaths } from '../train/run-folder.ts';

/** Passes of one stage over its training images, with those of a refit; the mean over the runs. */
export interface StageBudget {
  readonly stage: string;
  /** Photographs go through the network; cached features through what is trained on them only. */
  readonly on: 'photographs' | 'features';
  readonly epochs: number;
}

/** The stages in order, and what one epoch is. */
export interface Budget {
  readonly stages: readonly StageBudget[];
  /** Training images of a run; the mean over the runs. */
  readonly images: number;
}

/** Reads what these runs of one contestant have logged. */
export async function budgetOf(folders: readonly string[]): Promise<Budget> {
  const runs = await Promise.all(
    folders.map(async (folder) => phasesOf(await readMetrics(folder))),
  );
  const manifests = await Promise.all(folders.map((one) => readManifest(runPaths(one).model)));
  const images = manifests.reduce((sum, { trained }) => sum + trained.images, 0);
  return { stages: stageBudgets(runs), images: images / folders.length };
}

/** The budgets of stages, by the parts of each run. */
export function stageBudgets(runs: readonly (readonly MetricsPhase[])[]): StageBudget[] {
  const parts = runs.flat();
  const names = [...new Set(parts.map(({ stage }) => stage))];
  return names.map((stage) => {
    const own = parts.filter((part) => part.stage === stage);
    const epochs = own.flatMap(({ lines }) => lines.filter(({ step }) => step === undefined));
    const on = own.some(({ onPhotographs }) => onPhotographs) ? 'photographs' : 'features';
    return { stage, on, epochs: epochs.length / runs.length };
  });
}

/** All passes over photographs, or over cached features. */
export function passesOver(on: StageBudget['on'], { stages }: Pick<Budget, 'stages'>): number {
  return stages.reduce((sum, one) => sum + (one.on === on ? one.epochs : 0), 0);
}

/** Passes and images that differ by less are taken for equal: a refit repeats the epoch it chose. */
const TOLERANCE = 0.1;
/** Minutes differ with what else the machine does. */
const LONGER = { times: 1.5, minutes: 0.5 } as const;

/** In what two contestants were given unequal budgets; empty where in nothing that counts. */
export function unequalIn(
  a: { readonly budget: Budget | null; readonly minutes: number | null },
  b: { readonly budget: Budget | null; readonly minutes: number | null },
): ('photographs' | 'features' | 'images' | 'minutes')[] {
  const unequal: ReturnType<typeof unequalIn> = [];
  const differ = (x: number, y: number) => Math.abs(x - y) > TOLERANCE * Math.max(x, y);
  if (a.budget !== null && b.budget !== null) {
    for (const on of ['photographs', 'features'] as const) {
      if (differ(passesOver(on, a.budget), passesOver(on, b.budget))) unequal.push(on);
    }
    if (differ(a.budget.images, b.budget.images)) unequal.push('images');
  }
  if (a.minutes !== null && b.minutes !== null) {
    const [less, more] = [a.minutes, b.minutes].sort((x, y) => x - y);
    if (more > LONGER.times * less && more - less > LONGER.minutes) unequal.push('minutes');
  }
  return unequal;
}
