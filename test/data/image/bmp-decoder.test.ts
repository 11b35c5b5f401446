import { expect, test, vi } from 'vitest';
import { decodeImage } from '../../../src/data/image/decode.ts';
import { bmpFile } from '../../support/bmp-files.ts';
import { fileOf } from '../../support/image-files.ts';

vi.mock('@napi-rs/image', () => {
  throw new Error('no binary for this system');
});

test('where the decoder of bitmaps is missing, other images are read and bitmaps say so', async () => {
  expect(await decodeImage(await fileOf('png'))).toMatchObject({ width: 40, height: 30 });
  const { bytes } = bmpFile({ name: '', bits: 24 });
  await expect(decodeImage(bytes)).rejects.toThrow(
    'got a BMP file, whose decoder is not installed for this system. Convert it to JPEG or PNG',
  );
});
