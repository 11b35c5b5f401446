// What `triplet` says to a task before its images are read.

import { fail } from '../../core/errors.ts';
import type { Dataset } from '../../core/example.ts';
import type { MethodContext, MethodTask } from '../method.ts';
import type { StageSettings } from '../stage-settings.ts';
import type { TripletOptions } from './options.ts';

/** Throws what cannot work with that many levels above the classes; returns notes. */
export function checkTriplets(
  { context, dataset, settings }: MethodTask<TripletOptions>,
  levels: number,
): string[] {
  mustTrain(context);
  mustHaveWhatIsAsked(context);
  mustFall(context.options.margins, levels);
  const joint = settings.get('all');
  if (joint === undefined) return []; // stops before there are triplets
  const notes = mustHavePairs(context, dataset);
  mustCompare(joint);
  return notes;
}

/** The embedding is that of the network. */
function mustTrain({ backbone }: MethodContext): void {
  if (!backbone.frozen) return;
  throw fail('FM_CONFIG', "method 'triplet'", {
    expected: 'a network that trains, because triplets change what it sees',
    got: `the frozen '${backbone.name}'`,
    next: "Use method 'finetune' or 'scda', or a network of ours with --backbone.",
  });
}

function mustHavePairs({ imagesOfClass: images }: MethodContext, dataset: Dataset): string[] {
  if (images === undefined) return [];
  const paired = images.filter((count) => count > 1).length;
  if (paired < 2) {
    throw fail('FM_SUPERVISION', `method 'triplet' on '${dataset.name}'`, {
      expected: 'two or more classes with two or more training images each',
      got: String(paired),
      next: "Add images, or use method 'finetune'.",
    });
  }
  const single = dataset.classes.filter((_, k) => images[k] === 1).map((name) => `'${name}'`);
  if (single.length === 0) return [];
  const shown = single.slice(0, 5).join(', ');
  const more = single.length > 5 ? ` and ${single.length - 5} more` : '';
  return [`triplet: with one training image a class can only be a negative: ${shown}${more}`];
}

function mustHaveWhatIsAsked({
  options,
  hierarchy,
  attributes,
}: MethodContext<TripletOptions>): void {
  const asked = [
    ['hierarchy', hierarchy, 'a dataset whose classes have levels above them', 'flat labels'],
    ['attributes', attributes, 'a dataset with attributes of its classes', 'none'],
  ] as const;
  for (const [key, found, expected, got] of asked) {
    if (options[key] !== 'on' || found !== undefined) continue;
    const next = `Set options.${key} to 'auto' or 'off', or add them (docs/datasets.md).`;
    throw fail('FM_SUPERVISION', `options.${key}`, { expected, got, next });
  }
}

/** One margin for the classes and one for each level, each smaller than the one before. */
function mustFall(margins: TripletOptions['margins'], levels: number): void {
  if (margins === 'auto') return;
  const falls = margins.every((m, k) => k === 0 || m < margins[k - 1]);
  if (falls && margins.length === levels + 1) return;
  const count = levels === 0 ? '1 number' : `${levels + 1} falling numbers`;
  throw fail('FM_CONFIG', 'options.margins', {
    expected: `${count}: for the classes and ${levels} levels above them`,
    got: `[${margins.join(', ')}]`,
    next: "Change it, or use 'auto'.",
  });
}

/** Triplets need two images of a class and one of another in each pass. */
function mustCompare({ sampler, batch, accumulate }: StageSettings): void {
  if (sampler.kind !== 'balanced') {
    throw fail('FM_CONFIG', 'stages.all.sampler.kind', {
      expected: "'balanced', because triplets are formed within a batch",
      got: `'${sampler.kind}'`,
      next: 'Leave it out.',
    });
  }
  const samples = Number(sampler.samples);
  const classes = batch / accumulate / samples;
  if (classes >= 2) return;
  throw fail('FM_CONFIG', 'stages.all.batch', {
    expected: `at least ${2 * samples * accumulate}: two classes in each pass`,
    got: String(batch),
    next: 'Raise it, or lower sampler.samples or accumulate.',
  });
}
