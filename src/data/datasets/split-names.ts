// The names that people give to the parts of a dataset.

import type { Split } from '../../core/example.ts';

/** What a name says of a split. */
export interface SplitName {
  readonly split: Split;
  /** Nothing else is in the name: `test_images`, and not `seg_test`. */
  readonly exact: boolean;
}

const splitWords: ReadonlyMap<string, Split> = new Map([
  ...[
    ...['train', 'training', 'trn', 'trainval', 'entrenamiento', 'entrainement', 'apprentissage'],
    ...['treino', 'treinamento', 'addestramento'],
  ].map((word) => [word, 'train'] as const),
  ...[
    ...['val', 'valid', 'validation', 'dev', 'devel', 'development', 'eval', 'evaluation'],
    ...['validierung', 'validacion', 'validacao', 'validazione', 'validatie'],
  ].map((word) => [word, 'val'] as const),
  ...['test', 'testing', 'tst', 'holdout', 'heldout', 'prueba', 'teste'].map(
    (word) => [word, 'test'] as const,
  ),
]);

/** Words that say nothing beside the name of a split. */
const fillers: ReadonlySet<string> = new Set(
  'set sets data dataset split folder dir images image img imgs jpegimages photo photos picture pictures mini small full all part'.split(
    ' ',
  ),
);

/** What is found beside splits and has no labels: predictions are made for it. */
const unlabelledWords: ReadonlySet<string> = new Set(
  'pred predict prediction predictions unlabeled unlabelled unlabel unsup unknown submission'.split(
    ' ',
  ),
);

/** Pictures that are made of photographs, to go with them. */
const maskWords: ReadonlySet<string> = new Set(
  'mask masks segmentation segmentations annotation annotations label labels groundtruth gt'.split(
    ' ',
  ),
);

/** The split that a folder, a file or a cell is named after; undefined where it is none, or two. */
export function splitOf(name: string): SplitName | undefined {
  const words = wordsOf(name);
  const named = words.flatMap((word) => splitWords.get(word) ?? []);
  const splits = [...new Set(named)];
  // `train_val` holds what both train with, as in PASCAL VOC
  const both = splits.length === 2 && splits.includes('train') && splits.includes('val');
  if (splits.length !== 1 && !both) return undefined;
  const exact = words.every((word) => splitWords.has(word) || fillers.has(word));
  return { split: both ? 'train' : splits[0], exact };
}

/** Whether a name says that there are no labels, as `seg_pred` does. */
export function isUnlabelledName(name: string): boolean {
  return wordsOf(name).some((word) => unlabelledWords.has(word));
}

/** Whether a folder's name says that it holds masks. */
export function isMaskName(name: string): boolean {
  return wordsOf(name).some((word) => maskWords.has(word));
}

/** Whether a folder's name says that it holds photographs, and nothing of what they show. */
export function isGenericName(name: string): boolean {
  const words = wordsOf(name);
  return words.length > 0 && words.every((word) => fillers.has(word));
}

/** Days and months as calendars write them, and folders as cameras number them (DCF). */
const occasions: readonly RegExp[] = [
  /^(19|20)\d\d[-_. ](0[1-9]|1[0-2])([-_. ](0[1-9]|[12]\d|3[01]))?([^\p{L}\d][^\p{L}]*)?$/u,
  /^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([^\p{L}\d][^\p{L}]*)?$/u,
  /^(0?[1-9]|[12]\d|3[01])[-_. ](0?[1-9]|1[0-2])[-_. ](19|20)\d\d$/,
  /^[1-9]\d\d(?=.*[A-Z])[A-Z\d_]{5}$/,
];

/** Whether a folder's name says when, or by which camera, and nothing of what is to be seen. */
export function isOccasion(name: string): boolean {
  return occasions.some((one) => one.test(name));
}

/** `TrainingSet-2017` as `training`, `set`; a filler that is glued to a split comes off. */
function wordsOf(name: string): string[] {
  const parted = name.replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2').toLowerCase();
  const words = withoutAccents(parted).match(/\p{L}+/gu) ?? [];
  return words.flatMap((word) => {
    const glued = /^(train|val|valid|test|dev)(set|data|imgs|images|split)$/.exec(word);
    return glued === null ? [word] : [glued[1], glued[2]];
  });
}

/** `validación` as `validacion`: the words above are written plainly. */
function withoutAccents(name: string): string {
  return name.normalize('NFD').replaceAll(/\p{M}/gu, '');
}
