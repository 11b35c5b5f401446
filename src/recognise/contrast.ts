// An answer against a rival: what is fed to a model whose `contrast` was opened (`openContrast`).

import { type HostTensor, zeros } from '../core/tensor.ts';
import type { Session } from '../runtime/session.ts';

/**
 * Name of a constant of the graph, [1, K]: weights of the logits that are added to the answer's own
 * in the score that `heat` explains. All zero in the file: the answer alone. With -1 for a rival it
 * is what separates the two.
 */
export const CONTRAST = 'contrast';

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
