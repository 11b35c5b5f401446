// The lines that a run has logged, read back.

import { readFile } from 'node:fs/promises';
import type { MetricsLine } from './metrics-log.ts';
import { runPaths } from './run-folder.ts';

/** Lines of a run's `metrics.jsonl` in order; none for a model without its run. */
export async function readMetrics(folder: string): Promise<MetricsLine[]> {
  const text = await readFile(runPaths(folder).metrics, 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as MetricsLine);
}

/** A logged number; undefined where there is none, or one that JSON does not have. */
export function numberOf(value: MetricsLine[string] | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Lines of one stage, choosing or refitting. */
export interface MetricsPhase {
  readonly stage: string;
  readonly refit: boolean;
  /** True where steps are logged, which is on photographs; on cached features epochs only are. */
  readonly onPhotographs: boolean;
  /** Steps and epochs in order. */
  readonly lines: readonly MetricsLine[];
}

/** The phases of a run in order; what a review says belongs to none. */
export function phasesOf(lines: readonly MetricsLine[]): MetricsPhase[] {
  const phases: MetricsLine[][] = [];
  for (const line of lines) {
    if (line.step === undefined && line.epoch === undefined) continue;
    const last = phases.at(-1);
    if (last !== undefined && last[0].stage === line.stage && last[0].refit === line.refit) {
      last.push(line);
    } else phases.push([line]);
  }
  return phases.map((of) => ({
    stage: String(of[0].stage),
    refit: of[0].refit === true,
    onPhotographs: of.some(({ step }) => step !== undefined),
    lines: of,
  }));
}
