// The lines of metrics.jsonl as points of training curves.

import type { TrainingPoint } from '../evaluate/report-curves.ts';
import type { MetricsLine } from './run-folder.ts';

/** Steps of one curve that a picture can show. */
const MOST = 2000;

/**
 * Points in order, parts behind one another. Stages on photographs log every step; stages on cached
 * features log epochs only, and there an epoch counts as one step.
 */
export function trainingPoints(lines: readonly MetricsLine[]): TrainingPoint[] {
  const every = Math.ceil(lines.length / MOST);
  const points: TrainingPoint[] = [];
  let base = 0;
  const drawn = lines.filter(({ step, epoch }) => step !== undefined || epoch !== undefined);
  for (const part of partsOf(drawn)) {
    const stage = `${part[0].refit ? 'refit ' : ''}${String(part[0].stage)}`;
    const logsSteps = part.some((line) => line.step !== undefined);
    let at = base;
    part.forEach((line, i) => {
      if (line.step !== undefined) {
        at = base + Number(line.step);
        if (i % every === 0) {
          points.push({ step: at, stage, loss: Number(line.loss), lr: Number(line.rate) });
        }
        return;
      }
      if (!logsSteps) at = base + Number(line.epoch);
      points.push({
        step: at,
        stage,
        epoch: Number(line.epoch),
        ...(logsSteps ? {} : { loss: Number(line.loss) }),
        ...(line.valTop1 === null ? {} : { valTop1: Number(line.valTop1) }),
      });
    });
    base = at + 1;
  }
  return points;
}

/** Runs of lines that belong to the same part: one stage, choosing or refitting. */
function partsOf(lines: readonly MetricsLine[]): MetricsLine[][] {
  const parts: MetricsLine[][] = [];
  for (const line of lines) {
    const last = parts.at(-1);
    if (last !== undefined && last[0].stage === line.stage && last[0].refit === line.refit) {
      last.push(line);
    } else parts.push([line]);
  }
  return parts;
}
