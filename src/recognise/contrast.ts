// An answer against a rival: the shipped graph's constant `contrast` as an input that can be fed.

import { fail } from '../core/errors.ts';
import { type HostTensor, zeros } from '../core/tensor.ts';
import { constantToInput } from '../graph/onnx/edit.ts';
import type { Session } from '../runtime/session.ts';
import { CONTRAST } from './recogniser-graph.ts';

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

/** What explains the answer alone, of `classes` logits; with a rival, what separates the two. */
export function contrastAgainst(classes: number, rival?: number): Record<string, HostTensor> {
  const weights = zeros([1, classes]);
  if (rival !== undefined) weights.data[rival] = -1;
  return { [CONTRAST]: weights };
}

/** A session of an opened model that explains the answer alone where it is fed no contrast. */
export function withoutRival(session: Session, classes: number): Session {
  const alone = contrastAgainst(classes);
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: (feeds) => session.run({ ...alone, ...feeds }),
    runOnDevice: (feeds) => session.runOnDevice({ ...alone, ...feeds }),
    close: () => session.close(),
  };
}
