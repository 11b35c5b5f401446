// The shipped graph's constant `contrast` made into an input that can be fed.

import { fail } from '../core/errors.ts';
import { constantToInput } from '../graph/onnx/edit.ts';
import { CONTRAST } from './contrast.ts';

/** The model's bytes with the contrast left open; `path` names the model in FM_FORMAT. */
export function openContrast(bytes: Uint8Array, path: string): Uint8Array {
  const open = constantToInput(bytes, CONTRAST);
  if (open !== undefined) return open;
  throw fail('FM_FORMAT', path, {
    expected: `a model that can set an answer against a rival (with the constant '${CONTRAST}')`,
    got: 'one from before there was that, or of an ONNX trunk that only shows where it looks',
    next: 'Export it again: go on with its run (--resume).',
  });
}
