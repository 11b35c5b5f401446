// Colour jitter with torchvision's semantics, in place on 8-bit RGB: brightness and contrast are
// lookup tables, saturation and hue one pass each.

import type { RandomStream } from '../../core/random.ts';

/** Strengths: factors are drawn from [max(0, 1 - s), 1 + s], the hue shift from [-s, s], s <= 0.5. */
export interface JitterOptions {
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
  readonly hue?: number;
}

/** The operations in the order in which they are applied. */
export type JitterPlan = readonly JitterStep[];

export interface JitterStep {
  readonly kind: keyof JitterOptions;
  /** 1 leaves the image as it is; for hue, 0 does, and 1 is the whole circle. */
  readonly amount: number;
}

const kinds = ['brightness', 'contrast', 'saturation', 'hue'] as const;

/** Draws amounts and order. */
export function sampleJitter(options: JitterOptions, stream: RandomStream): JitterPlan {
  const order = stream.permutation(kinds.length);
  const amounts = kinds.map((kind) => {
    const strength = options[kind] ?? 0;
    if (kind === 'hue') return stream.uniform(-strength, strength);
    return stream.uniform(Math.max(0, 1 - strength), 1 + strength);
  });
  return order
    .filter((i) => (options[kinds[i]] ?? 0) > 0)
    .map((i) => ({ kind: kinds[i], amount: amounts[i] }));
}

/** Applies the plan to interleaved RGB bytes, in place; every step rounds to 8 bits. */
export function applyJitter(data: Uint8Array, plan: JitterPlan): void {
  for (const { kind, amount } of plan) steps[kind](data, amount);
}

const steps: Record<keyof JitterOptions, (data: Uint8Array, amount: number) => void> = {
  brightness: (data, factor) => blendWithLevel(data, factor, 0),
  contrast: (data, factor) => blendWithLevel(data, factor, meanLuma(data)),
  saturation: blendWithLuma,
  hue: turnHue,
};

/** `factor * value + (1 - factor) * level`, by a table. */
function blendWithLevel(data: Uint8Array, factor: number, level: number): void {
  const offset = (1 - factor) * level;
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => factor * value + offset);
  for (let i = 0; i < data.length; i++) data[i] = table[data[i]];
}

/** ITU-R 601 luma in 16-bit fixed point, as Pillow computes its `L`. */
function luma(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

function meanLuma(data: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < data.length; i += 3) total += luma(data[i], data[i + 1], data[i + 2]);
  return Math.round((total * 3) / data.length);
}

function blendWithLuma(data: Uint8Array, factor: number): void {
  for (let i = 0; i < data.length; i += 3) {
    const level = (1 - factor) * luma(data[i], data[i + 1], data[i + 2]) + 0.5;
    data[i] = toByte(factor * data[i] + level);
    data[i + 1] = toByte(factor * data[i + 1] + level);
    data[i + 2] = toByte(factor * data[i + 2] + level);
  }
}

function toByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value | 0;
}

/** Turns the hue by a share of the circle; value and saturation (HSV) stay. */
function turnHue(data: Uint8Array, share: number): void {
  const turn = (((share % 1) + 1) % 1) * 6;
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i];
    const green = data[i + 1];
    const blue = data[i + 2];
    const high = red > green ? (red > blue ? red : blue) : green > blue ? green : blue;
    const low = red < green ? (red < blue ? red : blue) : green < blue ? green : blue;
    const chroma = high - low;
    if (chroma === 0) continue;
    // hue in sixths of the circle, red at 0
    let hue = turn;
    if (high === red) hue += (green - blue) / chroma + 6;
    else if (high === green) hue += (blue - red) / chroma + 2;
    else hue += (red - green) / chroma + 4;
    hue %= 6;
    const sector = hue | 0;
    const ramp = chroma * (hue - sector);
    const rising = (low + ramp + 0.5) | 0;
    const falling = (high - ramp + 0.5) | 0;
    data[i] = pickChannel(sector, high, low, rising, falling);
    data[i + 1] = pickChannel((sector + 4) % 6, high, low, rising, falling);
    data[i + 2] = pickChannel((sector + 2) % 6, high, low, rising, falling);
  }
}

/** The red channel in a sector of the hue circle; green and blue lag by a third and two thirds. */
function pickChannel(
  sector: number,
  high: number,
  low: number,
  rising: number,
  falling: number,
): number {
  if (sector === 0 || sector === 5) return high;
  if (sector === 2 || sector === 3) return low;
  return sector === 1 ? falling : rising;
}
