// What a run does in order: phases, each a stage with its settings and images. Checked beforehand.

import { fail } from '../core/errors.ts';
import type { Example } from '../core/example.ts';
import { type ImageStage, type Stage, stagesAmong, type TrainedStage } from '../methods/stage.ts';
import type { StageSettings } from '../methods/stage-settings.ts';
import type { ChosenEpoch } from './checkpoint.ts';
import { stageSettings } from './config.ts';
import type { Emit } from './events.ts';
import { planMemory } from './memory-plan.ts';
import type { Phase } from './phase.ts';
import type { Task } from './task.ts';

/**
 * Finds out whether every phase can be set up, before an old run is replaced by this one, and says
 * what they need of the memory.
 */
export function checkPlan(task: Task, emit: Emit): void {
  const phases = firstPhases(task);
  for (const phase of phases) checkPhase(phase, task);
  checkStageNames(task);
  planMemory(phases, task, emit);
}

function checkStageNames(task: Task): void {
  const { method, context, config } = task;
  const stages = stageNames(task);
  const unknown = Object.keys(config.stage).find((name) => !stages.includes(name));
  if (unknown === undefined) return;
  throw fail('FM_CONFIG', `stages.${unknown}`, {
    expected: `settings of a stage of '${method.name}': ${stages.join(', ')}`,
    got: `'${unknown}'`,
    next: context.backbone.frozen
      ? 'Nothing of an ONNX trunk trains: the head alone does.'
      : "See 'fieldmark methods'.",
  });
}

/** Stages of the task's method; settings of those that other options would bring do no harm. */
export function stageNames({ method, context }: Pick<Task, 'method' | 'context'>): string[] {
  const names = [context.options, method.options.parse({})].flatMap((options) =>
    [true, false].flatMap((pretrained) =>
      stagesAmong(method.stages({ ...context, options, pretrained })).map(({ name }) => name),
    ),
  );
  return [...new Set(names)];
}

/** What decides the settings of stages. */
type Planned = Pick<Task, 'config' | 'method'>;

/** Stages up to the one that the configuration names. */
export function stagesOf({
  method,
  context,
  config,
}: Pick<Task, 'method' | 'context' | 'config'>): Stage[] {
  const stages = stagesAmong(method.stages(context));
  if (config.stages === 'all') return stages;
  const last = stages.findIndex((stage) => stage.name === config.stages);
  if (last >= 0) return stages.slice(0, last + 1);
  const withWeights = stagesAmong(method.stages({ ...context, pretrained: true }));
  throw fail('FM_CONFIG', 'stages', {
    expected: `one of ${[...new Set([...stages.map((s) => s.name), 'all'])].join(', ')}`,
    got: `'${config.stages}'`,
    next: withWeights.some((stage) => stage.name === config.stages)
      ? 'A network from random numbers has no features for a head: pass --weights.'
      : "See 'fieldmark methods'.",
  });
}

/** The phases that choose, as far as they are known before anything is decided. */
export function firstPhases(task: Task): Phase[] {
  return stagesOf(task).flatMap((_, index) => phaseOf(task, index, []) ?? []);
}

/**
 * A phase by its index: the stages choose, and with `refit` each one runs once more. Undefined where
 * decisions have left the stage nothing to do.
 */
export function phaseOf(
  task: Task,
  index: number,
  chosen: readonly ChosenEpoch[],
): Phase | undefined {
  const stages = stagesOf(task);
  const refit = index >= stages.length;
  const at = index % stages.length;
  const stage = stages[at];
  if (stage.source === 'none') return undefined;
  const wished = settingsOf(stage, task);
  const ownNetwork = hasOwnNetwork(stages, at);
  if (!refit) {
    const left = stage === stageOfEpochs(stages) ? epochsLeft(stage, stages, task) : undefined;
    const settings = { ...wished, epochs: left ?? wished.epochs };
    return { stage, settings, examples: task.train, ownNetwork, refit };
  }
  const { epoch, factors } = chosen[at];
  const settings = { ...wished, epochs: epoch };
  return { stage, settings, examples: allOfTrain(task), ownNetwork, refit, factors };
}

function settingsOf({ name, settings }: TrainedStage, { config, method }: Planned): StageSettings {
  return stageSettings(name, settings, config.stage[name], method.samplers);
}

/** Whether a stage before this one trains on images. */
export function hasOwnNetwork(stages: readonly Stage[], at: number): boolean {
  return stages.slice(0, at).some(({ source }) => source === 'images');
}

/** Whether a configuration's `epochs` are those of a stage, together with others like it. */
function isWhole(stage: Stage): stage is ImageStage {
  return stage.source === 'images' && stage.whole === true;
}

/** Whose epochs a configuration's `epochs` decide: the last that trains the whole network, or the last. */
export function stageOfEpochs(stages: readonly Stage[]): Stage {
  return stages.findLast(isWhole) ?? stages.at(-1)!;
}

/** What the others that train the whole network leave of the configuration's `epochs`. */
function epochsLeft(stage: Stage, stages: readonly Stage[], task: Planned): number | undefined {
  const { config } = task;
  if (config.epochs === undefined) return undefined;
  const others = isWhole(stage) ? stages.filter(isWhole).filter((one) => one !== stage) : [];
  const taken = others.reduce((sum, one) => sum + settingsOf(one, task).epochs, 0);
  if (config.epochs > taken) return config.epochs - taken;
  throw fail('FM_CONFIG', 'epochs', {
    expected: `more than the ${taken} of ${others.map(({ name }) => `'${name}'`).join(' and ')}`,
    got: String(config.epochs),
    next: `Raise them, or let an option leave ${others.length > 1 ? 'these' : 'it'} out (docs/configuration.md).`,
  });
}

/** All of train: what was held out of it goes back. Official validation images never train. */
export function allOfTrain({ train, val, valSource }: Task): readonly Example[] {
  return valSource === 'held-out' ? [...train, ...val] : train;
}

/** What depends on a stage or on the images, and not on the configuration alone. */
function checkPhase({ stage, settings, examples }: Phase, task: Task): void {
  const where = `stages.${stage.name}`;
  const { cutmix, accumulate, schedule } = settings;
  if (cutmix > 0 && stage.source === 'features') {
    throw fail('FM_CONFIG', `${where}.cutmix`, {
      expected: '0 in a stage on cached features, which have no area to cut',
      got: String(cutmix),
      next: `Use --set ${where}.mixup=${cutmix} there, or CutMix in a stage on images.`,
    });
  }
  if (schedule.kind === 'plateau' && (task.val.length === 0 || stage.keeps === 'unscored')) {
    const why =
      stage.keeps === 'unscored' ? 'accuracy says nothing about this stage' : 'there are none';
    throw fail('FM_CONFIG', `${where}.schedule.kind`, {
      expected: `a schedule that needs no validation images, because ${why}`,
      got: "'plateau'",
      next: "Use 'cosine' or 'step', or add images: a tenth of each class is held out.",
    });
  }
  if (examples.length < accumulate) {
    throw fail('FM_CONFIG', `${where}.accumulate`, {
      expected: `at most ${examples.length}, the number of training images`,
      got: String(accumulate),
      next: 'Each pass needs an image of its own.',
    });
  }
}
