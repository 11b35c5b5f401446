// What can be said of a task's stages before its images are read, which may take long.

import { fail } from '../core/errors.ts';
import { findSampler } from '../data/samplers/table.ts';
import { type TrainedStage, trainedAmong } from '../methods/stage.ts';
import type { StageSettings } from '../methods/stage-settings.ts';
import { checkSupervision } from '../methods/table.ts';
import { stageSettings } from './config.ts';
import { stagesOf } from './plan.ts';
import type { Task } from './task.ts';

/** Throws what cannot work, and returns what a person should know. */
export function checkStages(
  task: Pick<Task, 'method' | 'context' | 'config' | 'dataset'>,
): readonly string[] {
  const { method, context, config, dataset } = task;
  const settings = new Map<string, StageSettings>();
  for (const stage of trainedAmong(stagesOf(task))) {
    const { name, source } = stage;
    const where = `stages.${name}`;
    const of = stageSettings(name, stage.settings, config.stage[name], method.samplers);
    const { classes, hierarchy } = context;
    findSampler(of.sampler, method.samplers).check?.(of.sampler, {
      where,
      source,
      classes,
      hierarchy,
      ...of,
    });
    mustHaveFields(stage, of, where);
    checkSupervision(
      method,
      dataset,
      (stage.fields ?? []).flatMap(({ needs }) => needs),
    );
    settings.set(name, of);
  }
  return method.check?.({ context, dataset, settings }) ?? [];
}

/** Cached features have no view, and what cannot be blended cannot be mixed. */
function mustHaveFields(
  { source, fields = [] }: TrainedStage,
  settings: StageSettings,
  where: string,
) {
  const viewed = fields.find(({ viewless }) => !viewless);
  if (source === 'features' && viewed !== undefined) {
    throw fail('FM_GRAPH', where, {
      expected: 'fields that need no view, in a stage on cached features',
      got: `'${viewed.name}'`,
      next: "Make it a stage on images (`source: 'images'`).",
    });
  }
  const whole = fields.find(({ blends }) => !blends);
  for (const key of ['mixup', 'cutmix'] as const) {
    if (settings[key] === 0 || whole === undefined) continue;
    throw fail('FM_CONFIG', `${where}.${key}`, {
      expected: `0 in a stage that learns from '${whole.name}', which cannot be mixed`,
      got: String(settings[key]),
      next: 'Leave it out, or set it for another stage.',
    });
  }
}
