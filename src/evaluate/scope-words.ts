// What figures say nothing of: classes without photographs, and answers that need no look at any.

import { firstNames } from '../data/datasets/left-out.ts';
import { shownName } from '../recognise/class-name.ts';
import { percentText } from './markup.ts';
import type { Evaluation } from './summary.ts';

type Scored = Pick<Evaluation, 'n' | 'top1' | 'perClass'>;

/** Names of the classes of which no photograph is scored. */
export function absentClasses({ perClass }: Pick<Scored, 'perClass'>): string[] {
  return perClass.filter(({ n }) => n === 0).map(({ name }) => name);
}

/** `3 classes`, or `1 of 3 classes` where the others have no photographs. */
export function classesInWords({ perClass }: Pick<Scored, 'perClass'>): string {
  const all = perClass.length;
  const present = all - absentClasses({ perClass }).length;
  return `${present === all ? '' : `${present} of `}${all} ${all === 1 ? 'class' : 'classes'}`;
}

/** Sentences for beside the figures, where these look better than they are. */
export function scopeNotes({ n, top1, perClass }: Scored): string[] {
  const absent = absentClasses({ perClass }).map(shownName);
  const commonest = perClass.reduce((most, one) => (one.n > most.n ? one : most));
  const share = commonest.n / n;
  return [
    ...(absent.length === 0
      ? []
      : [`No photograph of ${firstNames(absent)} is scored: the figures say nothing of them.`]),
    ...(top1 > share
      ? []
      : [
          `Whoever always answers '${shownName(commonest.name)}' has a top-1 of ${percentText(share)}: ` +
            'the model does no better.',
        ]),
  ];
}
