// Raw pixels: what decoding gives and what the graph takes.

/** Interleaved 8-bit RGB, row-major: `data[(y * width + x) * 3 + channel]`. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Pixels, and the upright size of the file: larger than the pixels when decoding shrank them. */
export interface DecodedImage extends RawImage {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
}
