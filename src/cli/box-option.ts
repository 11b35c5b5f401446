// --box: where the object is, for models that were trained within boxes.

import { InvalidArgumentError } from 'commander';
import { fail } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import type { Recogniser } from '../recognise/recogniser.ts';
import { note } from './output.ts';

/** `x,y,width,height` in pixels of the upright photograph, for commander. */
export function boxNumbers(text: string): Box {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const [x, y, width, height] = numbers;
  if (numbers.length === 4 && numbers.every(Number.isFinite) && width > 0 && height > 0) {
    return [x, y, width, height];
  }
  throw new InvalidArgumentError('expected x,y,width,height in pixels, such as 40,25,300,220.');
}

/**
 * The box that the model is to look within. Says it where such a model is told none, and throws
 * FM_USAGE where a box cannot be meant.
 */
export function boxToSee(
  { geometry }: Recogniser,
  photos: readonly string[],
  box: Box | undefined,
): Box | undefined {
  const looksWithin = geometry.within === 'box';
  if (box === undefined && looksWithin) {
    note(
      'the model was trained within boxes and sees the whole photograph here: ' +
        '--box x,y,width,height says where the object is',
    );
  }
  if (box !== undefined && !looksWithin) {
    throw usage('a model that was trained within boxes', 'one that sees whole photographs');
  }
  if (box !== undefined && photos.length > 1) throw usage('one photograph', `${photos.length}`);
  return box;
}

function usage(expected: string, got: string) {
  return fail('FM_USAGE', '--box', { expected, got, next: 'Leave --box out, or see --help.' });
}
