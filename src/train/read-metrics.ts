// The lines that a run has logged, read back.

import { readFile } from 'node:fs/promises';
import { type MetricsLine, runPaths } from './run-folder.ts';

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
export interface MetricsPart {
  readonly stage: string;
  readonly refit: boolean;
  /** True where steps are logged, which is on photographs; on cached features epochs only are. */
  readonly onPhotographs: boolean;
  /** Steps and epochs in order. */
  readonly lines: readonly MetricsLine[];
}

/** The parts of a run in order; what a review says belongs to none. */
export function partsOf(lines: readonly MetricsLine[]): MetricsPart[] {
  const parts: MetricsLine[][] = [];
  for (const line of lines) {
    if (line.step === undefined && line.epoch === undefined) continue;
    const last = parts.at(-1);
    if (last !== undefined && last[0].stage === line.stage && last[0].refit === line.refit) {
      last.push(line);
    } else parts.push([line]);
  }
  return parts.map((of) => ({
    stage: String(of[0].stage),
    refit: of[0].refit === true,
    onPhotographs: of.some(({ step }) => step !== undefined),
    lines: of,
  }));
}
