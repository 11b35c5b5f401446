// What can be said of a task's stages before its images are read, which may take long.

import { fail } from '../core/errors.ts';
import type { Stage, StageSettings } from '../methods/method.ts';
import { stageSettings } from './config.ts';
import { stagesOf } from './plan.ts';
import type { Task } from './task.ts';

/** Throws what cannot work, and returns what a person should know. */
export function checkStages(
  task: Pick<Task, 'method' | 'context' | 'config' | 'dataset'>,
): readonly string[] {
  const { method, context, config, dataset } = task;
  const settings = new Map<string, StageSettings>();
  for (const stage of stagesOf(task)) {
    const of = stageSettings(stage.name, stage.settings, config.stage[stage.name]);
    mustFitSampler(stage, of, context);
    settings.set(stage.name, of);
  }
  return method.check?.({ context, dataset, settings }) ?? [];
}

function mustFitSampler(
  { name, source }: Stage,
  { sampler, batch }: StageSettings,
  { classes, hierarchy }: Task['context'],
): void {
  if (sampler.kind !== 'balanced') return;
  const where = `stages.${name}`;
  if (source === 'features') {
    throw fail('FM_CONFIG', `${where}.sampler.kind`, {
      expected: "'shuffled' in a stage on cached features",
      got: "'balanced'",
      next: 'Use it in a stage on images.',
    });
  }
  const { samples, siblings = 1 } = sampler;
  if (batch / samples > classes) {
    throw fail('FM_CONFIG', `${where}.batch`, {
      expected: `at most ${classes * samples} images, ${samples} of each of ${classes} classes`,
      got: String(batch),
      next: `Lower it, or raise ${where}.sampler.samples.`,
    });
  }
  if (siblings > 1 && hierarchy === undefined) {
    throw fail('FM_SUPERVISION', `${where}.sampler.siblings`, {
      expected: 'a dataset whose classes have parents',
      got: 'flat labels',
      next: 'Leave siblings out, or give the dataset a hierarchy (docs/datasets.md).',
    });
  }
}
