import { describe, expect, test } from 'vitest';
import type { RawImage } from '../../src/core/raw-image.ts';
import { plainImage } from '../../src/data/image/draw.ts';
import { evidencePanels, explainPicture } from '../../src/recognise/evidence.ts';
import { captionSvg, percent } from '../../src/recognise/evidence-caption.ts';
import { legendItems, legendSvg } from '../../src/recognise/evidence-legend.ts';
import { scdaMask } from '../../src/recognise/scda.ts';
import { escapeXml, svgText, textWidth, wrapText } from '../../src/recognise/text-svg.ts';

const cells = 7;
const blob = Float32Array.from({ length: cells * cells }, (_, i) => {
  const [x, y] = [i % cells, Math.floor(i / cells)];
  return x > 1 && x < 5 && y > 1 && y < 5 ? 1 : 0;
});
const input = {
  image: plainImage(600, 400, [120, 140, 160]),
  crop: [100, 0, 400, 400] as const,
  object: {
    mask: scdaMask({ width: cells, height: cells, data: blob }),
    region: [100, 0, 400, 400] as const,
    box: [210, 110, 180, 180] as const,
  },
  heatMap: blob,
  mapSize: { h: cells, w: cells },
  answers: [
    { name: 'Laysan Albatross', confidence: 0.9 },
    { name: '<script> & "Ani"', confidence: 0.1 },
  ],
};

function pixel({ data, width }: RawImage, x: number, y: number): number[] {
  return Array.from(data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3));
}

describe('panels', () => {
  const [view, object, heat] = evidencePanels(input);

  test('have one size, with the photograph inside', () => {
    for (const panel of [view, object, heat]) {
      expect([panel.width, panel.height]).toEqual([384, 256]);
    }
    expect(pixel(view, 192, 128)).toEqual([120, 140, 160]);
    expect(pixel(view, 64, 128)).toEqual([47, 126, 240]); // the left border of the crop
  });

  test('darken what is not the object and colour what spoke for the answer', () => {
    expect(pixel(object, 192, 128)).toEqual([120, 140, 160]);
    expect(pixel(object, 5, 5)[0]).toBeLessThan(80);
    expect(pixel(heat, 5, 5)).toEqual([120, 140, 160]);
    expect(pixel(heat, 192, 128)[0]).toBeGreaterThan(200);
  });
});

test('a box around the whole photograph is drawn inside of its rim', () => {
  const object = { ...input.object, box: [0, 0, 600, 400] as const };
  const [, panel] = evidencePanels({ ...input, object });
  expect(pixel(panel, 3, 100)).toEqual([255, 255, 255]);
  expect(pixel(panel, 380, 100)).toEqual([255, 255, 255]);
  expect(pixel(panel, 200, 3)).toEqual([255, 255, 255]);
  for (const [x, y] of [
    [0, 100],
    [383, 100],
    [200, 0],
    [200, 255],
  ]) {
    expect(pixel(panel, x, y)[0]).toBeLessThan(120);
  }
});

describe('picture', () => {
  test.each([
    [600, 400],
    [300, 500],
    [40, 4000],
    [1, 1],
    [4000, 40],
  ])('of a %d x %d photograph is 738 to 1200 pixels wide', async (width, height) => {
    const image = plainImage(width, height, [90, 90, 90]);
    const side = Math.min(width, height);
    const out = await explainPicture({ ...input, image, crop: [0, 0, side, side] });
    expect(out.width).toBeLessThanOrEqual(1200);
    expect(out.width).toBeGreaterThanOrEqual(738);
    expect(out.data).toHaveLength(out.width * out.height * 3);
    expect(pixel(out, 0, 0)).toEqual([255, 255, 255]);
  });
});

describe('legend', () => {
  const words = (options: Parameters<typeof legendItems>[0]) =>
    legendItems(options).map((item) => item.words);

  test('names every frame and colour that the panels have, and no other', () => {
    expect(words({ again: false, box: true, heat: true })).toEqual([
      'what the network saw',
      'object found',
      'box around it',
      'weak to strong evidence',
    ]);
    expect(words({ again: true, box: false, heat: false })).toEqual([
      'what the network saw',
      'where it looked again',
      'object found',
    ]);
    const { svg } = legendSvg({ again: true, box: true, heat: true }, 1176);
    for (const colour of ['47,126,240', '236,64,155', '255,196,0', '255,255,255']) {
      expect(svg).toContain(`stroke="rgb(${colour})"`);
    }
  });

  test.each([714, 400, 320])('stays within %d pixels', (width) => {
    const { svg, height } = legendSvg({ again: true, box: true, heat: true }, width);
    for (const [, x, y, text] of svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)</g)) {
      expect(Number(x) + textWidth(text, 12)).toBeLessThanOrEqual(width);
      expect(Number(y)).toBeLessThan(height);
      expect(text).not.toContain('…');
    }
  });
});

describe('lines of text', () => {
  const style = { x: 0, y: 0, size: 10, fill: '#000', room: 60 };
  const shown = (text: string, more = {}) =>
    />([^<]*)</.exec(svgText(text, { ...style, ...more }))![1];

  test('are cut where asked, and only where they must be', () => {
    expect(shown('short')).toBe('short');
    expect(shown('a name that is too long')).toMatch(/^a name.*…$/);
    expect(shown('a name that is too long', { cut: 'middle' })).toMatch(/^a na.*….*long$/);
    expect(shown('x', { room: 1 })).toBe('…');
  });

  test('wrap between words, and a single long word is left to be cut', () => {
    expect(wrapText('one two three four', style, 2)).toEqual(['one two', 'three four']);
    expect(wrapText('one two three four five six', style, 2)).toEqual([
      'one two',
      'three four five six',
    ]);
    expect(wrapText('x'.repeat(99), style, 2)).toEqual(['x'.repeat(99)]);
    expect(wrapText('', style, 2)).toEqual(['']);
  });

  test('other scripts count for their width, and marks above letters for none', () => {
    expect(textWidth('クロアシ', 10)).toBe(40);
    expect(textWidth('e\u0301', 10)).toBe(textWidth('e', 10));
    expect(textWidth('альбатрос', 10)).toBeGreaterThan(textWidth('albatross', 10));
  });
});

describe('caption', () => {
  test('escapes names, and judges against the truth', () => {
    const { svg } = captionSvg({ ...input, truth: 'Sooty & Co' }, 1176);
    expect(svg).not.toContain('<script>');
    expect(svg).toContain('&lt;script&gt; &amp; &quot;Ani&quot;');
    expect(svg).toContain('90 % confident, but wrong: it is Sooty &amp; Co');
    expect(captionSvg({ ...input, truth: 'Laysan Albatross' }, 1176).svg).toContain('and right');
    expect(escapeXml('a\u0000\u001bb')).toBe('a  b');
  });

  test('cuts what is too long and says when it declines', () => {
    const long = [{ name: 'Albatross '.repeat(40), confidence: 0.5 }];
    expect(captionSvg({ answers: long }, 1176).svg).toContain('…');
    expect(captionSvg({ ...input, verdict: 'None of these' }, 1176).svg).toContain(
      'closest: Laysan Albatross, 90 % confident',
    );
    expect(captionSvg({ answers: [] }, 1176).svg).toContain('No answer');
  });

  test.each([1, 0.9999, 0.9991, 0.997, 0.5, 0.0001, 0])(
    'a confidence of %d stands beside its bar and is whole',
    (confidence) => {
      for (const width of [714, 900, 1176]) {
        const { svg } = captionSvg({ answers: [{ name: 'Ani', confidence }] }, width);
        const bars = [...svg.matchAll(/<rect x="([\d.]+)" y="27" width="([\d.]+)"/g)];
        const ends = bars.map(([, x, length]) => Number(x) + Number(length));
        const [, right, words] = /x="([\d.]+)"[^>]*text-anchor="end"[^>]*>([^<]+)</.exec(svg)!;
        expect(words).toBe(escapeXml(percent(confidence)));
        const left = Number(right) - textWidth(percent(confidence), 15);
        expect(left).toBeGreaterThan(Math.max(...ends) + 4);
      }
    },
  );

  test('long names have two lines and keep their ends, in title, judgement and bars', () => {
    const name = 'Northern Black-throated Green-backed Warbler of the Eastern Coastal Plains, male';
    const truth = name.replace('male', 'female');
    const { svg } = captionSvg({ answers: [{ name, confidence: 1 }], truth }, 1176);
    const texts = [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</g)];
    const left = texts.filter(([, x]) => x === '0');
    expect(left).toHaveLength(4);
    const heights = left.map(([, , y]) => Number(y));
    const apart = heights.map((y, i) => y - (heights[i - 1] ?? 0));
    expect(Math.min(...apart)).toBeGreaterThanOrEqual(20);
    expect(left[1][3]).toMatch(/Plains, male$/);
    expect(left[3][3]).toMatch(/female$/);
    expect(texts.filter(([, x]) => x !== '0')[0][3]).toMatch(/^Northern.*….*male$/);
  });

  test('percentages do not claim more than they know', () => {
    expect([0, 0.0004, 0.043, 0.5, 0.97, 0.995, 1].map(percent)).toEqual([
      '< 0.1 %',
      '< 0.1 %',
      '4.3 %',
      '50 %',
      '97 %',
      '99.5 %',
      '> 99.9 %',
    ]);
  });
});
