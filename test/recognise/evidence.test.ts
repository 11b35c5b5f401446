import { describe, expect, test } from 'vitest';
import type { RawImage } from '../../src/core/raw-image.ts';
import { plainImage } from '../../src/data/image/draw.ts';
import { evidencePanels, explainPicture } from '../../src/recognise/evidence.ts';
import { captionSvg, percent } from '../../src/recognise/evidence-caption.ts';
import { scdaMask } from '../../src/recognise/scda.ts';
import { escapeXml } from '../../src/recognise/text-svg.ts';

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

describe('picture', () => {
  test.each([
    [600, 400],
    [300, 500],
    [40, 4000],
    [1, 1],
  ])('of a %d x %d photograph fits in 1200 pixels', async (width, height) => {
    const image = plainImage(width, height, [90, 90, 90]);
    const side = Math.min(width, height);
    const out = await explainPicture({ ...input, image, crop: [0, 0, side, side] });
    expect(out.width).toBeLessThanOrEqual(1200);
    expect(out.data).toHaveLength(out.width * out.height * 3);
    expect(pixel(out, 0, 0)).toEqual([255, 255, 255]);
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
