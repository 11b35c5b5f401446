// The design of species: genera share most field marks; within a genus two marks vary, so that
// any two of its species differ in one or two.

import { type RandomStream, randomStream } from '../../core/random.ts';
import {
  differingMarks,
  type FieldMarks,
  type MarkName,
  markNames,
  unmarked,
  valuesOf,
} from './field-marks.ts';
import { genusNames, speciesNames } from './names.ts';
import { type AviaryOptions, resolveOptions } from './options.ts';

export interface Species {
  /** Unique; the genus is its last word. */
  readonly name: string;
  readonly genus: string;
  readonly marks: FieldMarks;
}

/**
 * Marks that may tell species of one genus apart; the others, shapes among them, only set genera
 * apart: a dark fork against a dark square tail takes a network far longer to find than a patch. A
 * genus takes one from each half: the first half has four values or more, so that there are always
 * eight combinations or more. In the second half two marks come twice as often.
 */
const TELLING: readonly MarkName[] = [
  'crown',
  'eye',
  'cheek',
  'throat',
  'shoulder',
  'breast',
  // second half
  'wing',
  'tail',
  'rump',
  'bill',
  'wing',
  'tail',
];

/** The species of a data set, genus by genus. No two look alike. */
export function designSpecies(options: AviaryOptions): Species[] {
  const { classes, seed, speciesPerGenus } = resolveOptions(options);
  const stream = randomStream(seed, 'aviary', 'species');
  const sizes = genusSizes(classes, speciesPerGenus);
  const names = genusNames(stream.child('genera'), sizes.length);
  const pairs = tellingPairs(stream.child('telling'), sizes.length);
  const seen = new Set<string>();
  const others: FieldMarks[] = [];
  return sizes.flatMap((size, i) => {
    const telling = pairs[i];
    const plan = { size, telling, others };
    const { shared, species } = designGenus(stream.child('genus', i), plan, seen);
    others.push(shared);
    const words = speciesNames(stream.child('names', i), names[i], { species, telling });
    return species.map((marks, j) => ({ name: words[j], genus: names[i], marks }));
  });
}

/** Genera of the wanted size; the last ones give and take so that none has a single species. */
function genusSizes(classes: number, wanted: number): number[] {
  const genera = Math.max(1, Math.min(Math.round(classes / wanted), Math.floor(classes / 2)));
  const base = Math.floor(classes / genera);
  return Array.from({ length: genera }, (_, i) => base + (i < classes % genera ? 1 : 0));
}

/** Two telling marks for each genus; every mark is used before one comes again. */
function tellingPairs(stream: RandomStream, count: number): MarkName[][] {
  const half = TELLING.length / 2;
  return Array.from({ length: count }, (_, i) => {
    const order = stream.child(Math.floor(i / half)).permutation(half);
    const shift = stream.child('shift', Math.floor(i / half)).integer(half);
    const first = order[i % half];
    return [TELLING[first], TELLING[half + ((first + shift) % half)]];
  });
}

interface GenusPlan {
  readonly size: number;
  readonly telling: readonly MarkName[];
  /** The shared marks of the genera so far. */
  readonly others: readonly FieldMarks[];
}

/** How many designs a genus chooses from, and how many earlier genera it keeps away from. */
const DESIGNS = 8;
const REMEMBERED = 24;

function designGenus(
  stream: RandomStream,
  { size, telling, others }: GenusPlan,
  seen: Set<string>,
): { shared: FieldMarks; species: FieldMarks[] } {
  for (let attempt = 0; ; attempt++) {
    const draw = stream.child(attempt);
    const shared = mostDistinct(draw, others.slice(-REMEMBERED));
    const species = combinations(draw, shared, telling).slice(0, size);
    const keys = species.map((marks) => JSON.stringify(marks));
    if (keys.some((key) => seen.has(key))) continue;
    for (const key of keys) seen.add(key);
    return { shared, species };
  }
}

/** Of a few designs, the one whose nearest other genus differs in the most marks. */
function mostDistinct(stream: RandomStream, others: readonly FieldMarks[]): FieldMarks {
  const designs = Array.from({ length: DESIGNS }, (_, i) => sharedMarks(stream.child('design', i)));
  const distance = (marks: FieldMarks) =>
    Math.min(...others.map((other) => differingMarks(marks, other).length));
  return designs.reduce((best, next) => (distance(next) > distance(best) ? next : best));
}

/** Three or four real marks on an otherwise unmarked bird, and any bill, tail shape and legs. */
function sharedMarks(stream: RandomStream): FieldMarks {
  const marks: Record<string, string> = { ...unmarked };
  const structural: MarkName[] = ['bill', 'billShape', 'tailShape', 'legs'];
  for (const mark of structural) marks[mark] = stream.pick(valuesOf(mark));
  const others = markNames.filter((mark) => !structural.includes(mark));
  const count = 3 + stream.integer(2);
  for (const i of stream.permutation(others.length).slice(0, count)) {
    marks[others[i]] = stream.pick(valuesOf(others[i]).slice(1));
  }
  return marks as FieldMarks;
}

function combinations(
  stream: RandomStream,
  shared: FieldMarks,
  [first, second]: readonly MarkName[],
): FieldMarks[] {
  const all = valuesOf(first).flatMap((a) =>
    valuesOf(second).map((b) => ({ ...shared, [first]: a, [second]: b }) as FieldMarks),
  );
  return stream.permutation(all.length).map((i) => all[i]);
}
