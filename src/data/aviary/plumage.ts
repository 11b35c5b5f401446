// The ground colours of a bird. They are drawn per picture and say nothing about the species.

import type { RandomStream } from '../../core/random.ts';
import { type Colour, hsl } from './colour.ts';

/** Back, head and wings; and the underside. */
export interface Plumage {
  readonly upper: Colour;
  readonly under: Colour;
}

/** Hue, saturation and lightness of the upper side; hue and saturation of the under side. */
const PALETTES = [
  [208, 0.24, 0.47, 32, 0.4],
  [78, 0.26, 0.42, 52, 0.5],
  [26, 0.32, 0.43, 38, 0.45],
  [222, 0.08, 0.5, 210, 0.14],
  [184, 0.26, 0.42, 42, 0.35],
  [14, 0.4, 0.43, 30, 0.5],
  [292, 0.15, 0.48, 338, 0.3],
  [218, 0.36, 0.52, 28, 0.45],
  [120, 0.17, 0.42, 68, 0.35],
  [40, 0.34, 0.47, 44, 0.4],
] as const;

/** Muted middle tones, so that black, white and bright marks all stand out against them. */
export function samplePlumage(stream: RandomStream): Plumage {
  const [hue, saturation, lightness, underHue, underSaturation] = stream.pick(PALETTES);
  const jitter = (value: number, by: number) => value + stream.uniform(-by, by);
  return {
    upper: hsl(jitter(hue, 12), jitter(saturation, 0.06), jitter(lightness, 0.04)),
    under: hsl(jitter(underHue, 10), jitter(underSaturation, 0.1), stream.uniform(0.66, 0.74)),
  };
}
