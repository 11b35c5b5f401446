// What is said of figures on photographs that the model has seen before.

import { fail } from '../core/errors.ts';
import type { Split } from '../core/example.ts';
import type { SeenCount } from '../data/seen-images.ts';

/** From this share of photographs on that trained the model, figures are refused unless asked for. */
const TRAINED_SHARE = 0.1;

/** Whose photographs are scored. */
export interface ScoredSplit {
  readonly split: Split;
  /** Whether the run held photographs back itself. */
  readonly heldBack: boolean;
  /** Whether the split is of the run's own cut. */
  readonly ownCut: boolean;
}

/** Throws FM_USAGE where so many of a split's photographs trained the model that its figures mean nothing. */
export function mustBeUnseen(
  { images, trained }: SeenCount,
  { split, heldBack, ownCut }: ScoredSplit,
): void {
  if (!mostlyTrained({ images, trained })) return;
  const own = ownCut ? '--split test' : '--fold for a run of one fold';
  const others = heldBack
    ? `Score what the run held back (${own})`
    : 'Score photographs that it has not seen (train with --hold-out 0.2 keeps some back)';
  throw fail('FM_USAGE', `split '${split}'`, {
    expected: 'photographs that the model was not trained on',
    got: `${trained} of ${images} that it was, themselves or copies of them`,
    next: `${others}, or ask for these figures with --include-trained (includeTrained).`,
  });
}

/** Whether so many photographs trained the model that figures are about memory. */
export function mostlyTrained({ images, trained }: Pick<SeenCount, 'images' | 'trained'>): boolean {
  return trained >= TRAINED_SHARE * images;
}

/** Whether so few photographs had a part in training that figures are not about memory. */
export function mostlyUnseen({ images, trained, chosen }: SeenCount): boolean {
  return trained + chosen < TRAINED_SHARE * images;
}

/** A warning that stands over the figures; undefined where none of the photographs trained the model. */
export function seenBanner(seen: SeenCount | null | undefined): string | undefined {
  if (!seen || seen.trained === 0) return undefined;
  const { images, trained } = seen;
  const all = trained === images ? 'All' : `${trained}`;
  return (
    `${all} of these ${images} photographs trained the model, themselves or as copies: the figures say ` +
    'how well it remembers them, and not how well it recognises others.'
  );
}

/**
 * What stands beside the figures where the photographs had a say in how the model came out, or where nobody
 * can tell (`null`); undefined where there is nothing to say.
 */
export function seenNote(seen: SeenCount | null | undefined): string | undefined {
  if (seen === undefined) return undefined;
  return seen === null ? NOT_REMEMBERED : chosenNote(seen);
}

const NOT_REMEMBERED =
  'The model does not remember its training photographs, as models from before they did: nobody has ' +
  'checked whether these are among them. Resuming its finished run (train --resume) writes them down.';

function chosenNote({ images, chosen, trained }: SeenCount): string | undefined {
  if (chosen === 0 || trained > 0) return undefined;
  const which = chosen === images ? 'These photographs' : `${chosen} of these photographs`;
  return (
    `${which} also chose the epoch and fitted the temperature: expect somewhat less on photographs ` +
    'that had no say.'
  );
}
