// Names of classes between people and the program: the class that a person means, and a name as
// people read it.

import { fail } from '../core/errors.ts';
import { nearNames, plainName } from '../core/near-names.ts';

/**
 * A class name as people read it: the underscores that folders have for spaces are spaces, and the
 * numbers of CUB's folders (`001.Black_footed_Albatross`) are left out. Files, JSON and everything that
 * is looked up keep the name as it is.
 */
export function shownName(name: string): string {
  const words = name
    .normalize('NFC')
    .replaceAll(/(^|\/)\d{3}\.(?=\p{L})/gu, '$1')
    .replaceAll(/[\s_]+/g, ' ')
    .trim();
  return words === '' ? name : words;
}

/**
 * Label of the class of that name. Case, numbers in front, and whether words are parted by spaces,
 * hyphens or underscores make no difference. Throws FM_USAGE with the names that come near.
 */
export function labelNamed(classes: readonly string[], name: string, where: string): number {
  const exact = classes.indexOf(name);
  if (exact >= 0) return exact;
  const label = classes.findIndex((one) => plainName(one) === plainName(name));
  if (label >= 0) return label;
  const near = nearNames(name, classes);
  throw fail('FM_USAGE', where, {
    expected: 'the name of a class of this model',
    got: `'${name}'`,
    next:
      near.length > 0
        ? `Did you mean ${near.map((one) => `'${one}'`).join(' or ')}?`
        : `It knows ${classes.slice(0, 5).join(', ')}${classes.length > 5 ? ' and others' : ''}.`,
  });
}
