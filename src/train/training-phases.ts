// The lines of metrics.jsonl as training curves.

import type { TrainingPhase, TrainingPoint } from '../evaluate/report-curves.ts';
import type { MetricsLine } from './metrics-log.ts';
import { type MetricsPhase, numberOf, phasesOf } from './read-metrics.ts';

/** Steps of a run that a picture can show. */
const MOST = 2000;

/**
 * The phases of a run in order, each with its epochs along the axis. Stages on photographs log every
 * step, which stands between its epochs; stages on cached features log epochs only.
 */
export function trainingPhases(lines: readonly MetricsLine[]): TrainingPhase[] {
  const every = Math.ceil(lines.length / MOST);
  return phasesOf(lines).map((phase) => {
    const logged = phase.lines.flatMap(({ epoch, step }) =>
      step === undefined ? [Number(epoch)] : [],
    );
    return {
      name: `${phase.refit ? 'refit ' : ''}${phase.stage}`,
      refit: phase.refit,
      epochs: Math.max(1, ...logged),
      points: pointsOf(phase, every),
    };
  });
}

function pointsOf({ lines, onPhotographs }: MetricsPhase, every: number): TrainingPoint[] {
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
