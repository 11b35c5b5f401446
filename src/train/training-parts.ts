// The lines of metrics.jsonl as training curves.

import type { TrainingPart, TrainingPoint } from '../evaluate/report-curves.ts';
import { type MetricsPart, numberOf, partsOf } from './read-metrics.ts';
import type { MetricsLine } from './run-folder.ts';

/** Steps of a run that a picture can show. */
const MOST = 2000;

/**
 * The parts of a run in order, each with its epochs along the axis. Stages on photographs log every
 * step, which stands between its epochs; stages on cached features log epochs only.
 */
export function trainingParts(lines: readonly MetricsLine[]): TrainingPart[] {
  const every = Math.ceil(lines.length / MOST);
  return partsOf(lines).map((part) => {
    const logged = part.lines.flatMap(({ epoch, step }) =>
      step === undefined ? [Number(epoch)] : [],
    );
    return {
      name: `${part.refit ? 'refit ' : ''}${part.stage}`,
      refit: part.refit,
      epochs: Math.max(1, ...logged),
      points: pointsOf(part, every),
    };
  });
}

function pointsOf({ lines, onPhotographs }: MetricsPart, every: number): TrainingPoint[] {
  const end = lines.findIndex(({ step }) => step === undefined);
  const perEpoch = end < 0 ? lines.length : end;
  return lines.flatMap((line, i): TrainingPoint[] => {
    const loss = { loss: numberOf(line.loss) };
    if (line.step !== undefined) {
      if (i % every !== 0) return [];
      return [{ epoch: (Number(line.step) + 1) / perEpoch, ...loss, lr: numberOf(line.rate) }];
    }
    const held = { valTop1: numberOf(line.valTop1), valLoss: numberOf(line.valLoss) };
    return [{ epoch: Number(line.epoch), ...(onPhotographs ? {} : loss), ...held }];
  });
}
