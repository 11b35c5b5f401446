// Drawing to pixels and pixels to files, through sharp: what the procedural datasets need.
// Decoding photographs is not here.

import sharp, { type Sharp } from 'sharp';
import type { RawImage } from '../../core/raw-image.ts';

// Callers keep several pictures in flight; threads inside one picture would only fight over cores.
sharp.concurrency(1);
sharp.cache(false);

/** Draws an SVG document at `width` x `height` pixels; what it leaves transparent is black. */
export async function renderSvg(svg: string, width: number, height: number): Promise<RawImage> {
  const data = await fromSvg(svg, width, height).raw().toBuffer();
  return { width, height, data };
}

/** One byte per pixel, row-major: the brightness of an SVG document. For masks. */
export async function renderSvgGray(
  svg: string,
  width: number,
  height: number,
): Promise<Uint8Array> {
  return fromSvg(svg, width, height).toColourspace('b-w').extractChannel(0).raw().toBuffer();
}

/** Draws an SVG document straight to a JPEG file's bytes; full colour resolution is kept. */
export async function svgToJpeg(
  svg: string,
  { width, height, quality = 90 }: { width: number; height: number; quality?: number },
): Promise<Uint8Array> {
  return fromSvg(svg, width, height).jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer();
}

/** One byte per pixel as a grey PNG file's bytes. */
export async function encodeGrayPng(
  data: Uint8Array,
  width: number,
  height: number,
): Promise<Uint8Array> {
  const image = sharp(data, { raw: { width, height, channels: 1 } });
  return image.toColourspace('b-w').png({ compressionLevel: 6 }).toBuffer();
}

function fromSvg(svg: string, width: number, height: number): Sharp {
  return sharp(Buffer.from(svg))
    .resize(width, height, { fit: 'fill' })
    .flatten({ background: '#000' })
    .removeAlpha();
}
