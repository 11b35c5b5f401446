import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.ts';
import {
  differingMarks,
  type FieldMarks,
  markNames,
  unmarked,
  valuesOf,
} from '../../../src/data/aviary/field-marks.ts';
import { difficulties, type SceneOptions } from '../../../src/data/aviary/options.ts';
import { drawMask, drawScene, type Scene, sampleScene } from '../../../src/data/aviary/scene.ts';
import { designSpecies } from '../../../src/data/aviary/species.ts';
import { boxOf } from '../../../src/data/aviary/write-aviary.ts';
import { renderSvg, renderSvgGray } from '../../../src/data/image/render.ts';

const size = 160;

/** Every pair of values of every mark, on an otherwise unmarked bird. */
const valuePairs = markNames.flatMap((mark) =>
  valuesOf(mark).flatMap((a, i) =>
    valuesOf(mark)
      .slice(i + 1)
      .map((b) => ({ mark, a, b })),
  ),
);

describe('field marks', () => {
  it.each(valuePairs)('$mark: $a and $b differ in at most 3 % of the box', async (pair) => {
    for (let i = 0; i < 3; i++) {
      const scene = scenes(difficulties.standard, [pair.mark, i]);
      const [a, b] = bothSides(pair);
      const [changed, area] = [await changes(scene, a, b), await boxArea(scene, a)];
      expect(count(changed) / area).toBeLessThanOrEqual(0.03);
      expect(count(changed) / area).toBeGreaterThan(0.002);
    }
  });

  it.each(Object.entries(difficulties))('stay half visible or more: %s', async (_, options) => {
    for (const [i, pair] of valuePairs.entries()) {
      const scene = scenes(options, ['half', i]);
      const [a, b] = bothSides(pair);
      const all = count(await changes(scene, a, b));
      const visible = count(await changes(scene, a, b, { occluders: true }));
      expect(visible / all, `${pair.mark} ${pair.a}/${pair.b}`).toBeGreaterThanOrEqual(0.5);
    }
  });

  it('tell each species from its nearest one by at most two, each at most 3 %', async () => {
    const species = designSpecies({ classes: 12 });
    for (const [i, { marks }] of species.entries()) {
      const near = species
        .filter((other) => other.marks !== marks)
        .map((other) => differingMarks(marks, other.marks).map((mark) => [mark, other.marks[mark]]))
        .reduce((best, next) => (next.length < best.length ? next : best));
      expect(near.length).toBeLessThanOrEqual(2);
      for (const [mark, value] of near) {
        const scene = scenes(difficulties.standard, ['near', i]);
        const changed = await changes(scene, marks, { ...marks, [mark]: value } as FieldMarks);
        expect(count(changed) / (await boxArea(scene, marks)), mark).toBeLessThanOrEqual(0.03);
      }
    }
  });

  it('are the same when the bird faces the other way', async () => {
    const [a, b] = bothSides({ mark: 'crown', a: 'plain', b: 'red' });
    const scene = scenes(difficulties.standard, ['flip']);
    const bare = { ...scene, behind: [], before: [], lighting: { ...scene.lighting, side: 0.5 } };
    const { pose } = bare;
    const turned = {
      ...bare,
      pose: { ...pose, facing: -pose.facing as 1 | -1, x: size - pose.x },
    };
    const straight = await changes(bare, a, b);
    const mirrored = await changes(turned, a, b);
    expect(Math.abs(count(straight) - count(mirrored))).toBeLessThan(0.1 * count(straight));
    const flipped = straight.map((_, i) => mirrored[i - (i % size) + (size - 1 - (i % size))]);
    const both = straight.filter((value, i) => value && flipped[i]).length;
    expect(both / count(straight)).toBeGreaterThan(0.85);
  });
});

function scenes(options: SceneOptions, keys: (string | number)[]): Scene {
  return sampleScene(randomStream(5, 'test', ...keys), { ...options, imageSize: size });
}

function bothSides({ mark, a, b }: { mark: string; a: string; b: string }): FieldMarks[] {
  return [a, b].map((value) => ({ ...unmarked, [mark]: value }) as FieldMarks);
}

/** Where two birds in the same scene differ visibly, per pixel. */
async function changes(
  scene: Scene,
  a: FieldMarks,
  b: FieldMarks,
  { occluders = false }: { occluders?: boolean } = {},
): Promise<boolean[]> {
  const draw = (marks: FieldMarks) => renderSvg(drawScene(scene, marks, { occluders }), size, size);
  const [p, q] = await Promise.all([draw(a), draw(b)]);
  return Array.from({ length: size * size }, (_, i) =>
    [0, 1, 2].some((c) => Math.abs(p.data[3 * i + c] - q.data[3 * i + c]) > 24),
  );
}

async function boxArea(scene: Scene, marks: FieldMarks): Promise<number> {
  const svg = drawMask(scene, marks, { occluders: false });
  const [, , width, height] = boxOf(await renderSvgGray(svg, size, size), size);
  return width * height;
}

function count(flags: readonly boolean[]): number {
  return flags.filter(Boolean).length;
}
