// Image files of all kinds, as cameras, programs and networks leave them.

import sharp, { type FormatEnum } from 'sharp';
import { noiseImage } from './images.ts';

/** A file of noise, or of another picture of sharp's. */
export async function fileOf(
  format: keyof FormatEnum | 'avif',
  {
    width = 40,
    height = 30,
    ...options
  }: { width?: number; height?: number; [key: string]: unknown } = {},
): Promise<Buffer> {
  const { data } = noiseImage(width, height);
  const raw = { width, height, channels: 3 as const };
  return await sharp(data, { raw }).toFormat(format, options).toBuffer();
}

/** The first box of an ISO base media file with these brands, and something behind it. */
export function mediaFile(...brands: readonly string[]): Buffer {
  const [major, ...others] = brands;
  const box = Buffer.from(`\0\0\0\0ftyp${major}\0\0\0\0${others.join('')}`, 'latin1');
  box.writeUInt32BE(box.length, 0);
  return Buffer.concat([box, Buffer.alloc(200)]);
}
