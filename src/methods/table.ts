// Every method there is.

import { fail } from '../core/errors.ts';
import type { Dataset, Supervision } from '../core/example.ts';
import { bilinear, compactBilinear } from './bilinear/bilinear.ts';
import { finetune } from './finetune.ts';
import type { Method } from './method.ts';
import { racnn } from './ra-cnn/ra-cnn.ts';
import { scda } from './scda.ts';
import { triplet } from './triplet/triplet.ts';

// biome-ignore lint/suspicious/noExplicitAny: each method has its own options
export const methods: readonly Method<any>[] = [
  finetune,
  bilinear,
  compactBilinear,
  racnn,
  triplet,
  scda,
];

/** The method of that name; an unknown name lists those there are. */
export function findMethod(name: string): Method {
  const found = methods.find((method) => method.name === name);
  if (found !== undefined) return found;
  throw fail('FM_USAGE', `method '${name}'`, {
    expected: `one of ${methods.map((m) => m.name).join(', ')}`,
    got: `'${name}'`,
    next: "Run 'fieldmark methods' for the list.",
  });
}

/** Throws when a dataset cannot supervise a method, or lacks `more` that a run wants of it. */
export function checkSupervision(
  method: Method,
  dataset: Dataset,
  more: readonly Supervision[] = [],
): void {
  const needs = [...method.needs, ...more];
  const missing = needs.filter((need) => !dataset.supervision.includes(need));
  if (missing.length === 0) return;
  throw fail('FM_SUPERVISION', `method '${method.name}' on '${dataset.name}'`, {
    expected: `a dataset with ${needs.join(', ')}`,
    got: `one with ${dataset.supervision.join(', ') || 'nothing'}`,
    next: `Annotate ${missing.join(', ')}, or choose a method that needs less ('fieldmark methods').`,
  });
}
