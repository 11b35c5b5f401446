// Training curves of all contestants in common charts: means over folds and seeds, by epoch of a
// stage.

import { lineChart, type Series } from '../evaluate/chart.ts';
import type { Markup } from '../evaluate/markup.ts';
import type { MetricsLine } from '../train/metrics-log.ts';
import { numberOf, readMetrics } from '../train/read-metrics.ts';
import type { Compared } from './result.ts';

/** The lines of epochs that the runs of each contestant have logged while they chose. */
export async function readEpochs(contestants: Compared['runs']): Promise<MetricsLine[][]> {
  return await Promise.all(
    contestants.map(async ({ folders }) => (await Promise.all(folders.map(epochsOf))).flat()),
  );
}

async function epochsOf(folder: string): Promise<MetricsLine[]> {
  const lines = await readMetrics(folder);
  return lines.filter(
    ({ epoch, step, refit }) => epoch !== undefined && step === undefined && !refit,
  );
}

/** Accuracy on held-out images and both losses of each stage, one line for each contestant. */
export function comparedCharts(
  labels: readonly string[],
  epochs: readonly (readonly MetricsLine[])[],
): Markup[] {
  const stages = [...new Set(epochs.flat().map(({ stage }) => String(stage)))];
  return stages.flatMap((stage) =>
    (
      [
        ['valTop1', `Held-out accuracy, stage ${stage}`],
        ['loss', `Training loss, stage ${stage}`],
        ['valLoss', `Held-out loss, stage ${stage}`],
      ] as const
    ).flatMap(([key, title]) => {
      const series = labels.flatMap((name, colour): Series[] => {
        const line = meanByEpoch(
          epochs[colour].filter((one) => one.stage === stage),
          key,
        );
        return line.length === 0 ? [] : [{ name, lines: [line], colour }];
      });
      if (series.length === 0) return [];
      const last = Math.max(...series.flatMap(({ lines }) => lines[0].map(([epoch]) => epoch)));
      const percent = key === 'valTop1';
      const bands = [{ range: [0, last] as const }];
      return [lineChart({ title, along: 'epoch', series, bands, percent, legend: false })];
    }),
  );
}

/** Mean of a quantity over the runs that have reached an epoch, in order of epochs. */
export function meanByEpoch(
  lines: readonly MetricsLine[],
  key: 'valTop1' | 'loss' | 'valLoss',
): (readonly [epoch: number, value: number])[] {
  const sums = new Map<number, { sum: number; n: number }>();
  for (const line of lines) {
    const value = numberOf(line[key]);
    if (value === undefined) continue;
    const { sum, n } = sums.get(Number(line.epoch)) ?? { sum: 0, n: 0 };
    sums.set(Number(line.epoch), { sum: sum + value, n: n + 1 });
  }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([epoch, { sum, n }]) => [epoch, sum / n] as const);
}
