// The table of field marks: all that species differ in, and the words that name a species by one.

const WHITE_WORDS = ['White', 'Snow', 'Ivory', 'Pearl'];
const BLACK_WORDS = ['Black', 'Sable', 'Ink', 'Coal'];
const RED_WORDS = ['Scarlet', 'Ruby', 'Crimson', 'Cherry'];
const YELLOW_WORDS = ['Golden', 'Saffron', 'Lemon', 'Amber'];
const ORANGE_WORDS = ['Orange', 'Flame', 'Copper', 'Tangerine'];

const coloured = (words: readonly string[], ending: string): string[] =>
  words.map((word) => `${word}-${ending}`);

/** Mark -> value -> the adjectives that a species may be named with. `plain` is the unmarked bird. */
export const fieldMarks = {
  crown: {
    plain: ['Plain-crowned', 'Modest'],
    black: coloured(BLACK_WORDS, 'capped'),
    white: coloured(WHITE_WORDS, 'capped'),
    red: coloured(RED_WORDS, 'crowned'),
    yellow: coloured(YELLOW_WORDS, 'crowned'),
  },
  eye: {
    plain: ['Plain-faced', 'Mild'],
    ring: ['Spectacled', 'White-eyed', 'Ring-eyed', 'Bespectacled'],
    brow: ['White-browed', 'Supercilious', 'Snow-browed', 'Eyebrowed'],
    mask: ['Masked', 'Bandit', 'Black-masked', 'Veiled'],
  },
  bill: {
    black: coloured(BLACK_WORDS, 'billed'),
    orange: coloured(ORANGE_WORDS, 'billed'),
    ivory: ['Ivory-billed', 'Pale-billed', 'Bone-billed', 'Cream-billed'],
  },
  billShape: {
    stout: ['Stout-billed', 'Thick-billed', 'Cone-billed', 'Heavy-billed'],
    slender: ['Slender-billed', 'Needle-billed', 'Long-billed', 'Thin-billed'],
  },
  cheek: {
    plain: ['Plain-cheeked', 'Bare-cheeked'],
    white: coloured(WHITE_WORDS, 'cheeked'),
    red: coloured(RED_WORDS, 'cheeked'),
    yellow: coloured(YELLOW_WORDS, 'cheeked'),
  },
  throat: {
    plain: ['Plain-throated', 'Quiet'],
    black: coloured(BLACK_WORDS, 'throated'),
    red: coloured(RED_WORDS, 'throated'),
    yellow: coloured(YELLOW_WORDS, 'throated'),
  },
  shoulder: {
    plain: ['Plain-shouldered', 'Sober'],
    white: coloured(WHITE_WORDS, 'shouldered'),
    red: coloured(RED_WORDS, 'shouldered'),
    yellow: coloured(YELLOW_WORDS, 'shouldered'),
  },
  wing: {
    plain: ['Plain-winged', 'Barless'],
    bar: ['Bar-winged', 'One-barred', 'Single-barred', 'Barred'],
    bars: ['Two-barred', 'Double-barred', 'Chevroned', 'Sergeant'],
  },
  flight: {
    plain: ['Plain-quilled'],
    white: ['White-winged', 'Mirror-winged', 'Window-winged', 'Snow-quilled'],
  },
  breast: {
    plain: ['Plain-breasted', 'Clear-breasted'],
    streaks: ['Streaked', 'Streak-breasted', 'Striped', 'Pencilled'],
    spots: ['Spotted', 'Spot-breasted', 'Speckled', 'Freckled'],
    band: ['Collared', 'Band-breasted', 'Belted', 'Gorgeted'],
  },
  rump: {
    plain: ['Plain-rumped', 'Dusky-rumped'],
    white: coloured(WHITE_WORDS, 'rumped'),
    red: coloured(RED_WORDS, 'rumped'),
    yellow: coloured(YELLOW_WORDS, 'rumped'),
  },
  tail: {
    plain: ['Plain-tailed', 'Dark-tailed'],
    tip: ['White-tipped', 'Tip-tailed', 'Snow-tipped', 'Pale-tipped'],
    band: ['Band-tailed', 'Ring-tailed', 'Ribbon-tailed', 'Girdled'],
    edges: ['White-edged', 'Edge-tailed', 'Hemmed', 'Bordered'],
  },
  tailShape: {
    square: ['Square-tailed', 'Blunt-tailed', 'Fan-tailed', 'Broad-tailed'],
    forked: ['Fork-tailed', 'Swallow-tailed', 'Scissor-tailed', 'Cleft-tailed'],
  },
  legs: {
    dark: ['Dark-legged', 'Dusky-legged'],
    orange: coloured(ORANGE_WORDS, 'legged'),
    yellow: coloured(YELLOW_WORDS, 'legged'),
  },
} as const satisfies Record<string, Record<string, readonly string[]>>;

export type MarkName = keyof typeof fieldMarks;

/** One value for every mark: what a species looks like, apart from what chance gives each bird. */
export type FieldMarks = { readonly [M in MarkName]: keyof (typeof fieldMarks)[M] & string };

/** All marks, in the order of the table. */
export const markNames: readonly MarkName[] = Object.keys(fieldMarks) as MarkName[];

/** The values of a mark; the first one is the unmarked bird. */
export function valuesOf(mark: MarkName): readonly string[] {
  return Object.keys(fieldMarks[mark]);
}

/** The adjectives for one value of a mark. */
export function adjectivesOf(mark: MarkName, value: string): readonly string[] {
  return (fieldMarks[mark] as Record<string, readonly string[]>)[value];
}

/** CUB's names of what can be seen on a bird: `has_crown::black`. A plain place is nothing to see. */
export const attributeNames: readonly string[] = markNames.flatMap((mark) =>
  valuesOf(mark).flatMap((value) => (value === 'plain' ? [] : [`has_${mark}::${value}`])),
);

/** Which of `attributeNames` a bird has. */
export function attributesOf(marks: FieldMarks): boolean[] {
  const seen = new Set(markNames.map((mark) => `has_${mark}::${marks[mark]}`));
  return attributeNames.map((name) => seen.has(name));
}

/** The bird without any mark. */
export const unmarked: FieldMarks = Object.fromEntries(
  markNames.map((mark) => [mark, valuesOf(mark)[0]]),
) as unknown as FieldMarks;

/** The marks in which two birds differ. */
export function differingMarks(a: FieldMarks, b: FieldMarks): MarkName[] {
  return markNames.filter((mark) => a[mark] !== b[mark]);
}
