// Invented names. A genus is one compound word; a species puts an adjective from its own field
// marks before it: "Saffron-throated Brindlewing".

import type { RandomStream } from '../../core/random.ts';
import { adjectivesOf, type FieldMarks, type MarkName } from './field-marks.ts';

const STEMS = (
  'Brindle Reed Thorn Moss Ash Heather Fen Willow Bracken Cinder Marsh Tarn Quill Sedge Copper ' +
  'Dusk Ember Frost Gorse Hazel Juniper Knoll Larch Myrtle Nettle Oat Pebble Rowan Sorrel ' +
  'Thistle Umber Vesper Wicker Yarrow Alder Briar Cobble Dapple Elder Fallow Glen Hollow Ivy ' +
  'Kelp Linden Mallow Orchard Pine'
).split(' ');

const ENDINGS = (
  'wing chat ling finch wren bunting piper lark pipit warbler tit thrush flit bill creeper ' +
  'dancer whistler singer hopper crest jay snapper seedeater catcher'
).split(' ');

const PLACES = (
  'Northern Southern Eastern Western Highland Lowland Island Coastal Upland Valley Harbour ' +
  'Moorland Riverine Prairie Alpine Desert'
).split(' ');

/** `count` different genus names: with two stems once the pairs of stem and ending run out. */
export function genusNames(stream: RandomStream, count: number): string[] {
  const pairs = STEMS.length * ENDINGS.length;
  const order = stream.permutation(pairs);
  return Array.from({ length: count }, (_, i) => {
    const pair = order[i % pairs];
    const stem = STEMS[pair % STEMS.length];
    const ending = ENDINGS[Math.floor(pair / STEMS.length)];
    const round = Math.floor(i / pairs);
    if (round === 0) return stem + ending;
    const before = STEMS[(pair + round) % STEMS.length];
    return before + stem.toLowerCase() + ending;
  });
}

/**
 * Names for the species of one genus. Adjectives come from `telling`, the marks in which they
 * differ; a marked bird is preferred to a plain one; places help out.
 */
export function speciesNames(
  stream: RandomStream,
  genus: string,
  { species, telling }: { species: readonly FieldMarks[]; telling: readonly MarkName[] },
): string[] {
  const taken = new Set<string>();
  const places = stream.permutation(PLACES.length).map((i) => PLACES[i]);
  return species.map((marks) => {
    const ofMarks = telling.flatMap((mark) => {
      const words = adjectivesOf(mark, marks[mark]);
      const word = words[stream.integer(words.length)];
      return [word, ...words.filter((other) => other !== word)];
    });
    const plainLast = [...ofMarks.filter((w) => !isPlain(w)), ...ofMarks.filter(isPlain)];
    const adjective = [...plainLast, ...places].find((word) => !taken.has(word))!;
    taken.add(adjective);
    return `${adjective} ${genus}`;
  });
}

function isPlain(adjective: string): boolean {
  return adjective.startsWith('Plain-');
}
