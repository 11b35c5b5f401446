// Names that other libraries give to parameters of our networks, whose own names are torchvision's.

import type { Shape } from '../../core/shape.ts';

/** Another naming. */
export interface NameScheme {
  /** `timm`. */
  readonly name: string;
  /** The name there of a parameter that is called so here; each name has one of its own. */
  readonly of: (name: string) => string;
  /** The shape there of a parameter of ours, where it differs: the same numbers in the same order. */
  readonly shapeOf?: (name: string, shape: Shape) => Shape;
}

/** Replaces the first pattern that matches; names that none matches stay. */
export function renaming(
  rules: readonly (readonly [pattern: RegExp, replacement: string])[],
): NameScheme['of'] {
  return (name) => {
    const rule = rules.find(([pattern]) => pattern.test(name));
    return rule === undefined ? name : name.replace(rule[0], rule[1]);
  };
}
