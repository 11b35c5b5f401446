import { describe, expect, test } from 'vitest';
import { decodeImage } from '../../../src/data/image/decode.ts';
import { bmpFile, bmpVariants } from '../../support/bmp-files.ts';
import { fileOf } from '../../support/image-files.ts';

describe('every variant is read', () => {
  test.each(bmpVariants)('$name', async (variant) => {
    const { bytes, picture } = bmpFile(variant);
    const image = await decodeImage(bytes);
    expect(image).toMatchObject({ width: picture.width, height: picture.height });
    expect([...image.data]).toBeAllClose([...picture.data], { atol: variant.bits === 16 ? 5 : 1 });
  });

  test.each(['JPEG', 'PNG'])('a whole %s file in a bitmap', async (kind) => {
    const inner = await fileOf(kind === 'JPEG' ? 'jpeg' : 'png', { width: 30, height: 20 });
    const head = Buffer.from(bmpFile({ name: '', bits: 24 }).bytes.subarray(0, 54));
    head.writeUInt32LE(kind === 'JPEG' ? 4 : 5, 30);
    head.writeUInt16LE(0, 28);
    expect(await decodeImage(Buffer.concat([head, inner]))).toMatchObject({
      width: 30,
      height: 20,
    });
  });

  test('the last row may lack its padding', async () => {
    const { bytes, picture } = bmpFile({ name: '', bits: 24 });
    const image = await decodeImage(bytes.subarray(0, bytes.length - 1)); // 63 bytes a row
    expect(Buffer.compare(image.data, picture.data)).toBe(0);
  });
});

describe('what is wrong is told apart', () => {
  const fault = async (bytes: Uint8Array) =>
    await decodeImage(bytes).then(
      () => 'read',
      (error) => error.fault.kind,
    );

  test.each(bmpVariants)('cut short: $name', async (variant) => {
    const { bytes } = bmpFile(variant);
    for (const keep of [0.9, 0.5, 0.02]) {
      const kind = await fault(bytes.subarray(0, Math.floor(bytes.length * keep)));
      expect(kind, `${keep}`).toBe('truncated');
    }
  });

  const changed = (at: number, value: number, size = 4) => {
    const bytes = Buffer.from(bmpFile({ name: '', bits: 24 }).bytes);
    bytes.writeUIntLE(value, at, size);
    return bytes;
  };

  test('headers that lie', async () => {
    expect(await fault(changed(18, 3_000_000))).toBe('truncated');
    expect(await fault(changed(22, 2_000_000))).toBe('truncated');
    const bomb = changed(18, 3_000_000);
    bomb.writeUInt32LE(2_000_000, 22);
    expect(await fault(bomb)).toBe('too-large');
    expect(await fault(changed(18, 0))).toBe('damaged');
    expect(await fault(changed(22, 0))).toBe('damaged');
    expect(await fault(changed(14, 5000))).toBe('damaged');
    expect(await fault(changed(28, 30000, 2))).toBe('damaged');
    expect(await fault(changed(10, 4_000_000_000))).toBe('truncated');
    expect(await fault(Buffer.from('BMW and other names, in a text'))).toBe('damaged');
  });

  test('bitmaps within bitmaps are not followed', async () => {
    const file = changed(30, 4);
    expect(await fault(Buffer.concat([file.subarray(0, 54), file]))).toBe('damaged');
    file.writeUInt32LE(0, 10);
    expect(await fault(file)).toBe('damaged');
  });

  test('codings that nobody writes are named', async () => {
    const os2 = Buffer.from(bmpFile({ name: '', bits: 8, header: 64 }).bytes);
    os2.writeUInt32LE(3, 30);
    await expect(decodeImage(os2)).rejects.toThrow(/a BMP with the coding Huffman\. Convert it/);
    expect(await fault(changed(30, 99))).toBe('unsupported');
  });
});
