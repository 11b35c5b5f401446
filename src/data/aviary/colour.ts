// Colours and light. All colours of a picture pass through one affine light, which is the same as
// lighting the finished picture, and costs nothing.

import type { RandomStream } from '../../core/random.ts';

/** Red, green and blue in [0, 1]. */
export type Colour = readonly [red: number, green: number, blue: number];

/** The light on a scene: per channel, `gain * (value - 0.5) + 0.5 + offset`. */
export interface Lighting {
  readonly gain: number;
  readonly offset: Colour;
  /** Where the light comes from: the share of the shading that falls on the left, in [0, 1]. */
  readonly side: number;
  /** How dark the shaded side of the bird gets, in [0, 1]. */
  readonly shade: number;
}

/** Hue in degrees, saturation and lightness in [0, 1]. */
export function hsl(hue: number, saturation: number, lightness: number): Colour {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + (((hue % 360) + 360) % 360) / 30) % 12;
    return lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [channel(0), channel(8), channel(4)];
}

/** The mixture of two colours; `share` of the second. */
export function mix(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

export const BLACK: Colour = [0.07, 0.065, 0.08];
export const WHITE: Colour = [0.97, 0.96, 0.93];

/** Darker by mixing with black. */
export function darken(colour: Colour, share: number): Colour {
  return mix(colour, BLACK, share);
}

/** Lighter by mixing with white. */
export function lighten(colour: Colour, share: number): Colour {
  return mix(colour, WHITE, share);
}

/** A colour under a light, as CSS text: `#rrggbb`. */
export function css(colour: Colour, light: Lighting): string {
  const channels = colour.map((value, i) => {
    const lit = light.gain * (value - 0.5) + 0.5 + light.offset[i];
    return Math.round(255 * Math.min(1, Math.max(0, lit)))
      .toString(16)
      .padStart(2, '0');
  });
  return `#${channels.join('')}`;
}

/** Draws a light; `strength` 0 is neutral, 1 the default variety. */
export function sampleLighting(stream: RandomStream, strength: number): Lighting {
  const warm = stream.normal(0, 0.022 * strength);
  const tint = stream.normal(0, 0.01 * strength);
  const bright = stream.uniform(-0.09, 0.06) * strength;
  return {
    gain: 1 + stream.uniform(-0.18, 0.1) * strength,
    offset: [bright + warm, bright + tint, bright - warm],
    side: stream.uniform(),
    shade: stream.uniform(0.1, 0.28) * Math.min(1, strength),
  };
}
