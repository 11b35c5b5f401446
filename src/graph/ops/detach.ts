// A wall for gradients: the numbers pass, their derivative does not.

import { apply, type Op, type Value } from '../value.ts';

/** The same numbers, whose gradient counts as zero. Costs nothing at run time. */
export const detachOp: Op<null> = {
  name: 'detach',
  vjp: 'zero',
  infer: ([x]) => [x],
  portable: (_, __, [x]) => [x],
  reference: ([x]) => [x.data.slice()],
};

/** `x`, taken as a constant by whoever differentiates (torch's `detach`). */
export function detach(x: Value): Value {
  return apply(detachOp, [x], null);
}
