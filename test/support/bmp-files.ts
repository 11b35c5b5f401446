// Bitmaps of every variant, written from what the formats' descriptions say.

/** 21 x 10 pixels of so many colours. */
export function bmpPicture(levels: number): { width: number; height: number; data: Uint8Array } {
  const [width, height] = [21, 10];
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(colourOf((i * 7 + (i >> 3)) % levels), 3 * i);
  return { width, height, data };
}

/** Colours of 5, 6 and 5 bits that all variants can hold exactly. */
function colourOf(index: number): [number, number, number] {
  const five = (n: number) => Math.round(((n % 32) * 255) / 31);
  return [five(index * 5 + 3), five(index * 11 + 8), five(index * 3)];
}

export interface BmpVariant {
  readonly name: string;
  readonly bits: number;
  /** Bytes of the header. Default: 40. */
  readonly header?: number;
  /** BI_RGB 0, RLE8 1, RLE4 2, BITFIELDS 3, ALPHABITFIELDS 6. Default: 0. */
  readonly method?: number;
  readonly masks?: readonly number[];
  readonly topDown?: boolean;
  /** Of all pixels, where there is an alpha mask. Default: 255. */
  readonly alpha?: number;
}

const rgb888 = [0xff0000, 0xff00, 0xff];

export const bmpVariants: readonly BmpVariant[] = [
  ...[1, 2, 4, 8].map((bits) => ({ name: `palette of ${bits} bits`, bits })),
  { name: 'palette of 4 bits, top-down', bits: 4, topDown: true },
  { name: 'run length of 8 bits', bits: 8, method: 1 },
  { name: 'run length of 4 bits', bits: 4, method: 2 },
  { name: '16 bits, 555', bits: 16 },
  { name: '16 bits, 565', bits: 16, method: 3, masks: [0xf800, 0x7e0, 0x1f] },
  {
    name: '16 bits, 565 in a V5 header',
    bits: 16,
    header: 124,
    method: 3,
    masks: [0xf800, 0x7e0, 0x1f, 0],
  },
  { name: '24 bits', bits: 24 },
  { name: '24 bits, top-down', bits: 24, topDown: true },
  { name: '32 bits without alpha', bits: 32 },
  { name: '32 bits, fields in odd order', bits: 32, method: 3, masks: [0xff, 0xff00, 0xff0000] },
  { name: '32 bits, fields of 10 bits', bits: 32, method: 3, masks: [0x3ff00000, 0xffc00, 0x3ff] },
  { name: '32 bits, V2 header', bits: 32, header: 52, method: 3, masks: rgb888 },
  {
    name: '32 bits, V3 header with alpha',
    bits: 32,
    header: 56,
    method: 3,
    masks: [...rgb888, 0xff000000],
  },
  {
    name: '32 bits, V4 header with alpha',
    bits: 32,
    header: 108,
    method: 3,
    masks: [...rgb888, 0xff000000],
  },
  {
    name: '32 bits, V5 header, half transparent',
    bits: 32,
    header: 124,
    method: 3,
    masks: [...rgb888, 0xff000000],
    alpha: 128,
  },
  {
    name: '32 bits, V5 header, alpha all zero',
    bits: 32,
    header: 124,
    method: 3,
    masks: [...rgb888, 0xff000000],
    alpha: 0,
  },
  {
    name: '32 bits, fields with alpha behind the header',
    bits: 32,
    method: 6,
    masks: [...rgb888, 0xff000000],
  },
  { name: '8 bits, V4 header', bits: 8, header: 108 },
  { name: '8 bits, OS/2 1', bits: 8, header: 12 },
  { name: '24 bits, OS/2 1', bits: 24, header: 12 },
  { name: '8 bits, OS/2 2', bits: 8, header: 64 },
  { name: '8 bits, OS/2 2 in its shortest form', bits: 8, header: 16 },
];

/** The file of a variant, and the picture that it holds. */
export function bmpFile({
  bits,
  header = 40,
  method = 0,
  masks,
  topDown,
  alpha = 255,
}: BmpVariant) {
  const picture = bmpPicture(bits <= 8 ? 2 ** bits : 200);
  const { width, height, data } = picture;
  const palette = bits <= 8 ? Array.from({ length: 2 ** bits }, (_, i) => colourOf(i)) : [];
  const behind = header === 40 ? (masks ?? []) : [];
  const entry = header === 12 ? 3 : 4;
  const pixelsAt = 14 + header + 4 * behind.length + entry * palette.length;
  const pixelOf = (x: number, y: number) => {
    const rgb = [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
    if (bits <= 8) return palette.findIndex((colour) => colour.every((v, i) => v === rgb[i]));
    const fields = masks ?? (bits === 16 ? [0x7c00, 0x3e0, 0x1f] : rgb888);
    return fields.reduce((sum, mask, i) => sum + inField([...rgb, alpha][i], mask), 0);
  };
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => pixelOf(x, topDown ? y : height - 1 - y)),
  );
  const stored = method === 1 || method === 2 ? runLengths(rows, bits) : packed(rows, bits);
  const head = Buffer.alloc(pixelsAt);
  head.write('BM');
  head.writeUInt32LE(pixelsAt + stored.length, 2);
  head.writeUInt32LE(pixelsAt, 10);
  head.writeUInt32LE(header, 14);
  const put = (at: number, values: readonly number[], size: number) => {
    for (const [i, value] of values.entries()) head.writeUIntLE(value, at + size * i, size);
  };
  if (header === 12) {
    put(18, [width, height, 1, bits], 2);
  } else {
    head.writeInt32LE(width, 18);
    head.writeInt32LE(topDown ? -height : height, 22);
    put(26, [1, bits], 2);
    if (header > 16) put(30, [method], 4);
    if (masks !== undefined) put(54, masks, 4);
  }
  for (const [i, [r, g, b]] of palette.entries()) {
    head.set([b, g, r], pixelsAt - entry * (palette.length - i));
  }
  const shown = alpha > 0 && alpha < 255 ? overWhite(data, alpha) : data;
  return { bytes: Buffer.concat([head, stored]), picture: { width, height, data: shown } };
}

/** A value of 0..255 in the bits of a mask. */
function inField(value: number, mask: number): number {
  if (mask === 0) return 0;
  const low = (mask & -mask) >>> 0;
  return Math.round((value / 255) * (mask / low)) * low;
}

function overWhite(data: Uint8Array, alpha: number): Uint8Array {
  return data.map((v) => Math.round((v * alpha + 255 * (255 - alpha)) / 255));
}

/** Whole rows, each padded to four bytes. */
function packed(rows: readonly (readonly number[])[], bits: number): Buffer {
  return Buffer.concat(
    rows.map((row) => {
      const out = Buffer.alloc(Math.ceil((row.length * bits) / 32) * 4);
      row.forEach((value, x) => {
        if (bits >= 8) out.writeUIntLE(value, (x * bits) / 8, bits / 8);
        else out[(x * bits) >> 3] |= value << (8 - bits - ((x * bits) & 7));
      });
      return out;
    }),
  );
}

/** Half of each row as it is, the rest in runs; an end of line behind each, at last the end. */
function runLengths(rows: readonly (readonly number[])[], bits: number): Buffer {
  const four = bits === 4;
  const bytes = rows.flatMap((row) => {
    const literal = row.slice(0, 9);
    const pairs = four
      ? [0, 2, 4, 6, 8].map((i) => (literal[i] << 4) | (literal[i + 1] ?? 0))
      : literal;
    const padding = pairs.length % 2 === 1 ? [0] : [];
    const runs = row.slice(9).flatMap((value) => [1, four ? value << 4 : value]);
    return [0, 9, ...pairs, ...padding, ...runs, 0, 0];
  });
  return Buffer.from([...bytes, 0, 1]);
}
