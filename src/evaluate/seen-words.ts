// What is said of figures on photographs that the model has seen before.

import { fail } from '../core/errors.ts';
import type { Split } from '../core/example.ts';
import type { SeenCount } from '../data/seen-images.ts';

/** From this share of photographs on that trained the model, figures are refused unless asked for. */
const TRAINED_SHARE = 0.1;

/** Throws FM_USAGE where so many of a split's photographs trained the model that its figures mean nothing. */
export function mustBeUnseen({ images, trained }: SeenCount, split: Split): void {
  if (trained < TRAINED_SHARE * images) return;
  throw fail('FM_USAGE', `split '${split}'`, {
    expected: 'photographs that the model was not trained on',
    got: `${trained} of ${images} that it was, themselves or copies of them`,
    next:
      'Score photographs that it has not seen (train with --hold-out 0.2 keeps some back), or ask ' +
      'for these figures with --include-trained (includeTrained).',
  });
}

/** A warning that stands over the figures; undefined where none of the photographs trained the model. */
export function seenBanner({ images, trained }: SeenCount): string | undefined {
  if (trained === 0) return undefined;
  const all = trained === images ? 'All' : `${trained}`;
  return (
    `${all} of these ${images} photographs trained the model, themselves or as copies: the figures say ` +
    'how well it remembers them, and not how well it recognises others.'
  );
}

/** What stands beside the figures where the photographs had a say in how the model came out. */
export function chosenNote({ images, chosen, trained }: SeenCount): string | undefined {
  if (chosen === 0 || trained > 0) return undefined;
  const which = chosen === images ? 'These photographs' : `${chosen} of these photographs`;
  return (
    `${which} also chose the epoch and fitted the temperature: expect somewhat less on photographs ` +
    'that had no say.'
  );
}
