import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  decodeImage,
  encodeJpeg,
  encodePng,
  shrinkFactor,
} from '../../../src/data/image/decode.ts';
import { jpegSize } from '../../../src/data/image/sniff.ts';
import { gradientImage, noiseImage } from '../../support/images.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldmark-decode-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function stored(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

function solid(color: string, channels: 3 | 4 = 3): Sharp {
  return sharp({ create: { width: 20, height: 10, channels, background: color } });
}

/** The first pixel, and that there are three channels. */
async function firstPixel(bytes: Uint8Array): Promise<number[]> {
  const image = await decodeImage(bytes);
  expect(image.data).toHaveLength(image.width * image.height * 3);
  return [...image.data.subarray(0, 3)];
}

describe('every kind of file becomes 8-bit RGB', () => {
  test('png round trip', async () => {
    const image = noiseImage(31, 17);
    const back = await decodeImage(await encodePng(image));
    expect(back).toMatchObject({ width: 31, height: 17, sourceWidth: 31, sourceHeight: 17 });
    expect(Buffer.compare(back.data, image.data)).toBe(0);
  });

  test('jpeg is close', async () => {
    const image = gradientImage(40, 30);
    const back = await decodeImage(await encodeJpeg(image, 95));
    expect([...back.data]).toBeAllClose([...image.data], { atol: 12 });
  });

  test('grayscale', async () => {
    const gray = solid('#808080').toColourspace('b-w');
    expect(await firstPixel(await gray.clone().png().toBuffer())).toEqual([128, 128, 128]);
    expect(await firstPixel(await gray.clone().jpeg().toBuffer())).toEqual([128, 128, 128]);
  });

  test('gray with alpha', async () => {
    const data = new Uint8Array(8).fill(0);
    const png = sharp(data, { raw: { width: 2, height: 2, channels: 2 } }).png();
    expect(await firstPixel(await png.toBuffer())).toEqual([255, 255, 255]);
  });

  test('palette', async () => {
    const png = await solid('#ff0000').png({ palette: true }).toBuffer();
    expect(await firstPixel(png)).toEqual([255, 0, 0]);
  });

  test('16 bits, colour and gray', async () => {
    const deep = await solid('#804020').toColourspace('rgb16').png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    expect(await firstPixel(deep)).toEqual([128, 64, 32]);
    const gray = await solid('#808080').toColourspace('grey16').png().toBuffer();
    expect((await sharp(gray).metadata()).depth).toBe('ushort');
    const [red, green, blue] = await firstPixel(gray);
    expect(Math.abs(red - 128)).toBeLessThanOrEqual(1);
    expect([green, blue]).toEqual([red, red]);
  });

  test('cmyk', async () => {
    const jpeg = await solid('#ff0000').toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    const [red, green, blue] = await firstPixel(jpeg);
    expect(red).toBeGreaterThan(180);
    expect(Math.max(green, blue)).toBeLessThan(80);
  });

  test('alpha goes onto white', async () => {
    const clear = await solid('rgba(0, 0, 0, 0)', 4).png().toBuffer();
    expect(await firstPixel(clear)).toEqual([255, 255, 255]);
    const half = await solid('rgba(0, 0, 0, 0.5)', 4).webp({ lossless: true }).toBuffer();
    expect(Math.abs((await firstPixel(half))[0] - 127)).toBeLessThanOrEqual(1);
  });

  test('webp, avif, gif and tiff', async () => {
    for (const format of ['webp', 'avif', 'gif', 'tiff'] as const) {
      const [red, green] = await firstPixel(await solid('#c00000').toFormat(format).toBuffer());
      expect(red, format).toBeGreaterThan(180);
      expect(green, format).toBeLessThan(12);
    }
  });

  test('an embedded profile is converted to sRGB', async () => {
    const wide = await solid('#c83c3c').withIccProfile('p3').png().toBuffer();
    const untreated = await sharp(wide, { ignoreIcc: true }).raw().toBuffer();
    expect(untreated[0]).toBeLessThan(195);
    expect(await firstPixel(wide)).toBeAllClose([200, 60, 60], { atol: 3 });
  });

  test('one pixel', async () => {
    const png = await encodePng({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3) });
    expect(await firstPixel(png)).toEqual([1, 2, 3]);
  });

  // where the stored corner pixels 1 2 / 3 4 are, read row by row, once the image is upright
  const corners: [orientation: number, upright: number[]][] = [
    [1, [1, 2, 3, 4]],
    [2, [2, 1, 4, 3]],
    [3, [4, 3, 2, 1]],
    [4, [3, 4, 1, 2]],
    [5, [1, 3, 2, 4]],
    [6, [3, 1, 4, 2]],
    [7, [4, 2, 3, 1]],
    [8, [2, 4, 1, 3]],
  ];
  test.each(corners)('exif orientation %i', async (orientation, upright) => {
    const data = Uint8Array.from([1, 2, 3, 4].flatMap((value) => [value, value, value]));
    const png = await sharp(data, { raw: { width: 2, height: 2, channels: 3 } })
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const image = await decodeImage(png);
    expect([0, 3, 6, 9].map((i) => image.data[i])).toEqual(upright);
  });

  test('exif orientation exchanges the sizes', async () => {
    const png = await sharp(Buffer.from(await encodePng(gradientImage(20, 10))))
      .withMetadata({ orientation: 8 })
      .png()
      .toBuffer();
    const sizes = { width: 10, height: 20, sourceWidth: 10, sourceHeight: 20 };
    expect(await decodeImage(png)).toMatchObject(sizes);
    expect(await decodeImage(png, { minSide: 10 })).toMatchObject(sizes);
  });
});

describe('shrinking', () => {
  test('never below twice the target', () => {
    expect(shrinkFactor(447, 224)).toBe(1);
    expect(shrinkFactor(895, 224)).toBe(1);
    expect(shrinkFactor(896, 224)).toBe(2);
    expect(shrinkFactor(3584, 224)).toBe(8);
    expect(shrinkFactor(100_000, 224)).toBe(8);
  });

  test('keeps the source size, also when turned', async () => {
    const jpeg = await sharp(Buffer.from(await encodePng(gradientImage(203, 101))))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const image = await decodeImage(jpeg, { minSide: 12 });
    expect(image).toMatchObject({ width: 25, height: 50, sourceWidth: 101, sourceHeight: 203 });
  });
});

describe('what is not an image says so by name', () => {
  test('missing', async () => {
    const path = join(folder, 'none.jpg');
    await expect(decodeImage(path)).rejects.toThrow(`${path}: expected an image file, got no such`);
    await expect(decodeImage(path)).rejects.toMatchObject({ code: 'FM_IMAGE' });
    await expect(decodeImage(folder)).rejects.toThrow('got a folder');
  });

  test('empty, text and SVG', async () => {
    const empty = await stored('empty.jpg', new Uint8Array(0));
    await expect(decodeImage(empty)).rejects.toThrow(/empty\.jpg: .*got an empty file/);
    const text = await stored('text.jpg', Buffer.from('this is no photograph at all'));
    await expect(decodeImage(text)).rejects.toThrow(/text\.jpg: .*got text \("this is no/);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(decodeImage(svg, { name: 'upload' })).rejects.toThrow(/^upload: .*got text/);
  });

  test.each(['jpeg', 'png', 'webp', 'gif', 'tiff'] as const)('truncated %s', async (format) => {
    const bytes = await sharp(Buffer.from(await encodePng(noiseImage(64, 64))))
      .toFormat(format)
      .toBuffer();
    for (const keep of [0.9, 0.5, 0.1]) {
      const cut = await stored(`cut.${format}`, bytes.subarray(0, Math.floor(bytes.length * keep)));
      const message = await decodeImage(cut).then(() => 'decoded', String);
      expect(message, `${keep}`).toMatch(/cut\.\w+: .*got a truncated file/);
    }
  });

  test('too many pixels', async () => {
    const png = await encodePng(noiseImage(20, 20));
    await expect(decodeImage(png, { maxPixels: 399 })).rejects.toThrow(
      'at most 0.000399 megapixels, got 20 x 20 pixels, which are 0.0004 megapixels',
    );
    await expect(decodeImage(png, { maxPixels: 400 })).resolves.toBeDefined();
  });
});

test('the size in a JPEG header, behind fill bytes too', async () => {
  const bytes = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();
  expect(jpegSize(bytes)).toEqual([40, 30]);
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  const filled = Buffer.concat([
    bytes.subarray(0, frame),
    Buffer.from([0xff, 0xff, 0xff]),
    bytes.subarray(frame),
  ]);
  expect(jpegSize(filled)).toEqual([40, 30]);
  expect(jpegSize(filled.subarray(0, frame + 6))).toBeUndefined();
});
