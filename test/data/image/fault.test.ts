// Files as people have them: what is read, and in which words the others are refused.

import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage, decodePhoto } from '../../../src/data/image/decode.ts';
import { type FaultKind, faultTable, ImageError } from '../../../src/data/image/fault.ts';
import { imageExtensions, sniffImage } from '../../../src/data/image/sniff.ts';
import { temporaryFolder } from '../../support/files.ts';
import { fileOf, mediaFile } from '../../support/image-files.ts';
import { sharedPath } from '../../support/images.ts';

/** `read`, or the kind of the fault. */
async function outcome(source: string | Uint8Array): Promise<'read' | FaultKind> {
  return await decodePhoto(source).then(
    () => 'read' as const,
    (error) => {
      expect(error).toBeInstanceOf(ImageError);
      expect(error.code).toBe('FM_IMAGE');
      expect(error.message).toMatch(/^[^:]+: expected .+, got .+\. .+\.$/);
      return error.fault.kind;
    },
  );
}

const cut = (bytes: Uint8Array, share: number) =>
  bytes.subarray(0, Math.floor(bytes.length * share));

describe('read', () => {
  const upright = { width: 40, height: 30 };
  const files: Record<string, () => Promise<Uint8Array>> = {
    'progressive JPEG': () => fileOf('jpeg', { progressive: true }),
    'CMYK JPEG': async () =>
      sharp(await fileOf('png'))
        .toColourspace('cmyk')
        .jpeg()
        .toBuffer(),
    'JPEG with bytes behind its end': async () =>
      Buffer.concat([await fileOf('jpeg'), Buffer.from('from a phone: a film, a depth map')]),
    'JPEG without its end marker': async () => (await fileOf('jpeg')).subarray(0, -2),
    'palette PNG with transparency': async () =>
      sharp(await fileOf('png'))
        .ensureAlpha(0.5)
        .png({ palette: true })
        .toBuffer(),
    'interlaced PNG': () => fileOf('png', { progressive: true }),
    '16-bit gray PNG with alpha': async () =>
      sharp(await fileOf('png'))
        .ensureAlpha(0.5)
        .toColourspace('grey16')
        .png()
        .toBuffer(),
    'PNG without its last chunk': async () => (await fileOf('png')).subarray(0, -12),
    'lossless WebP': () => fileOf('webp', { lossless: true }),
    'tiled TIFF': () => fileOf('tiff', { tile: true }),
    '1-bit TIFF': async () =>
      sharp(await fileOf('png'))
        .toColourspace('b-w')
        .tiff({ bitdepth: 1 })
        .toBuffer(),
    'TIFF of floats': async () =>
      sharp(await fileOf('png'))
        .toColourspace('scrgb')
        .tiff()
        .toBuffer(),
    AVIF: () => fileOf('avif'),
  };
  test.each(Object.entries(files))('%s', async (_, make) => {
    expect(await decodePhoto(await make())).toMatchObject(upright);
  });

  test.each(['gif', 'webp', 'tiff'] as const)('the first frame or page of a %s', async (format) => {
    const pages = [await fileOf('png'), await fileOf('png', { width: 40, height: 30 })];
    const file = await sharp(pages, { join: { animated: true } })
      .toFormat(format)
      .toBuffer();
    expect(await decodePhoto(file)).toMatchObject(upright);
  });

  test('whatever its name says', async () => {
    const folder = await temporaryFolder({ 'a.jpg': await fileOf('png') });
    expect(await outcome(join(folder, 'a.jpg'))).toBe('read');
  });

  test('every extension that folders are searched for is that of a kind that is read', () => {
    expect(imageExtensions).toEqual(expect.arrayContaining(['jpg', 'jfif', 'jpe', 'avif', 'tif']));
    expect(imageExtensions).not.toContain('heic');
  });
});

describe('told apart', () => {
  test('what cannot be opened', async () => {
    const folder = await temporaryFolder({ 'locked.jpg': await fileOf('jpeg') });
    const locked = join(folder, 'locked.jpg');
    await chmod(locked, 0);
    const may = await readFile(locked).then(
      () => true,
      () => false,
    );
    if (!may) expect(await outcome(locked)).toBe('no-permission'); // root may read everything
    expect(await outcome(join(folder, 'none.jpg'))).toBe('missing');
    expect(await outcome(folder)).toBe('unreadable');
  });

  const foreign: [string, Uint8Array, RegExp][] = [
    ['HEIC', mediaFile('heic', 'mif1', 'heic'), /HEIC .*HEVC.* Convert .*heif-convert .*sips/],
    ['HEIC under a general brand', mediaFile('mif1', 'mif1', 'heic'), /a HEIC photograph/],
    ['a film', mediaFile('isom', 'isom', 'mp41'), /got a film\. Take a still picture/],
    ['Canon CR3', mediaFile('crx ', 'crx ', 'isom'), /raw file \(Canon CR3\)\. Export/],
    ['Canon CR2', Buffer.from('II*\0\x10\0\0\0CR\x02\0......', 'latin1'), /Canon CR2/],
    ['JPEG XL', Buffer.from('\xff\x0a........', 'latin1'), /a JPEG XL file\. Convert it/],
    ['Photoshop', Buffer.from('8BPS\0\x01......', 'latin1'), /a Photoshop file/],
    ['PDF', Buffer.from('%PDF-1.7 ....'), /a PDF file/],
  ];
  test.each(foreign)('%s', async (_, bytes, words) => {
    expect(await outcome(bytes)).toBe('unsupported');
    await expect(decodeImage(bytes)).rejects.toThrow(words);
  });

  const nothing: [string, Uint8Array, FaultKind, RegExp][] = [
    ['nothing at all', Buffer.alloc(0), 'empty', /an empty file/],
    ['zeros', Buffer.alloc(5000), 'not-an-image', /nothing but zeros/],
    ['a page', Buffer.from('\n<!DOCTYPE html><html>'), 'not-an-image', /web page.*login/],
    ['text', Buffer.from('see other folder'), 'not-an-image', /text \("see other/],
    ['bytes', Buffer.from([7, 200, 3, 9, 250]), 'not-an-image', /bytes of another kind/],
  ];
  test.each(nothing)('%s', async (_, bytes, kind, words) => {
    expect(await outcome(bytes)).toBe(kind);
    await expect(decodeImage(bytes)).rejects.toThrow(words);
  });

  test.each(['jpeg', 'png', 'gif', 'webp', 'tiff', 'avif'] as const)('a cut %s', async (format) => {
    for (const progressive of [false, true]) {
      const bytes = await fileOf(format, { width: 90, height: 60, progressive });
      for (const share of [0.97, 0.5, 0.1]) {
        expect(await outcome(cut(bytes, share)), `${share}`).toBe('truncated');
      }
    }
  });

  test('the same words for the same file, however many fail at once', async () => {
    const bad = cut(await fileOf('jpeg', { width: 90, height: 60 }), 0.5);
    const kinds = await Promise.all(Array.from({ length: 40 }, () => outcome(bad)));
    expect(new Set(kinds)).toEqual(new Set(['truncated']));
  });

  test('a chunk with a wrong checksum is damage', async () => {
    const png = Buffer.from(await fileOf('png', { width: 90, height: 60 }));
    png[Math.floor(png.length / 2)] ^= 0x55;
    expect(await outcome(png)).toBe('damaged');
  });

  test('a header that promises more than memory holds', async () => {
    const jpeg = Buffer.from(await fileOf('jpeg'));
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt16BE(65000, frame + 5);
    jpeg.writeUInt16BE(65000, frame + 7);
    expect(await outcome(jpeg)).toBe('too-large');
    const png = Buffer.from(await fileOf('png'));
    png.writeUInt32BE(1e6, 16);
    png.writeUInt32BE(1e6, 20);
    expect(await outcome(png)).toBe('too-large');
  });

  test('too small is one rule', async () => {
    expect(await outcome(await fileOf('png', { width: 7, height: 7 }))).toBe('too-small');
    expect(await outcome(await fileOf('png', { width: 4000, height: 1 }))).toBe('too-small');
    expect(await outcome(await fileOf('png', { width: 9000, height: 8 }))).toBe('read');
    await expect(decodePhoto(await fileOf('png', { width: 7, height: 9 }))).rejects.toThrow(
      'expected at least 8 pixels on either side, got 7 x 9 pixels',
    );
  });
});

test('every kind has words for what to do', () => {
  for (const [kind, { expected, next }] of Object.entries(faultTable)) {
    expect(expected, kind).toMatch(/^(an?|at) /);
    expect(next, kind).toMatch(/^[A-Z].*\.$/);
  }
});

test('the brands of a media file are read within its first box', () => {
  const avif = mediaFile('mif1', 'miaf', 'avif');
  expect(sniffImage(avif, 'x')).toBe('avif');
  expect(() => sniffImage(Buffer.from('\0\0\0\x10ftypheic'), 'x')).toThrow('HEIC');
  expect(() => sniffImage(Buffer.from('\xff\xff\xff\xffftypmif1', 'latin1'), 'x')).toThrow('HEIC');
});

const cases = {
  '32-damaged-jpegs': {
    'ok.jpg': 'read',
    'ok.png': 'read',
    'bad_sos.jpg': 'read',
    'bitflip.jpg': 'read',
    'extraneous.jpg': 'read',
    'trailing.jpg': 'read',
    'no_eoi.jpg': 'read',
    'noiend.png': 'read',
    'notrailer.gif': 'read',
    'badcrc.png': 'damaged',
    'leading.jpg': 'damaged',
    'half.jpg': 'truncated',
    'minus10.jpg': 'truncated',
    'trunc.gif': 'truncated',
    'trunc.png': 'truncated',
    'trunc.webp': 'truncated',
    'html.jpg': 'not-an-image',
  },
  '34-thin': {
    '4000x1.png': 'too-small',
    '7x7.png': 'too-small',
    '8x20000.png': 'read',
    '9000x8.png': 'read',
    'icon32.png': 'read',
  },
  '31-heic-only-class/dogs': { 'Streaked_Umberchat_0005.HEIC': 'unsupported' },
  '30-heic-mixed/cats': { 'Spot-breasted_Umberchat_0004.jfif': 'read' },
  '33-samsung-108mp/cats': { '20240101_108MP.jpg': 'read' },
};
describe.each(Object.entries(cases))('%s', (folder, files) => {
  const place = sharedPath(`cases/data/${folder}`);
  test.runIf(place)('each file is read or refused as it should be', async () => {
    const found: Record<string, string> = {};
    for (const name of Object.keys(files)) found[name] = await outcome(join(place!, name));
    expect(found).toEqual(files);
  });
});

test('the end marker that is missing changes no pixel', async () => {
  const whole = await fileOf('jpeg', { width: 90, height: 60 });
  for (const minSide of [undefined, 10]) {
    const a = await decodeImage(whole, { minSide });
    const b = await decodeImage(whole.subarray(0, -2), { minSide });
    expect(b).toMatchObject({ width: a.width, sourceWidth: 90 });
    expect(Buffer.compare(a.data, b.data)).toBe(0);
    const short = decodeImage(whole.subarray(0, -9), { minSide });
    await expect(short, `${minSide}`).rejects.toThrow('a truncated file');
  }
});
