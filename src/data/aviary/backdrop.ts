// What is behind the bird: sky, foliage, water, wood, meadow or clutter.

import type { RandomStream } from '../../core/random.ts';
import { ellipse, type Point, polygon, round } from './affine.ts';
import { type Colour, darken, hsl, lighten, mix, WHITE } from './colour.ts';
import { ramp, type Shape } from './shapes.ts';

/** Draws a scenery of `size` pixels. `clutter` scales how many things stand in it. */
type Scenery = (stream: RandomStream, size: number, clutter: number) => Shape[];

const sceneries: Readonly<Record<string, Scenery>> = { sky, foliage, water, wood, meadow, clutter };

/** One scenery by chance. */
export function sampleBackdrop(stream: RandomStream, size: number, clutter: number): Shape[] {
  return sceneries[stream.pick(Object.keys(sceneries))](stream, size, clutter);
}

function sky(stream: RandomStream, size: number, clutter: number): Shape[] {
  const hue = stream.pick([205, 212, 220, 28, 340]);
  const top = hsl(hue, stream.uniform(0.3, 0.6), stream.uniform(0.5, 0.7));
  const low = hsl(
    hue + stream.uniform(-20, 30),
    stream.uniform(0.2, 0.5),
    stream.uniform(0.72, 0.86),
  );
  const clouds = times(stream.integer(3) + 1, () => cloud(stream, size, lighten(low, 0.45))).flat();
  const hills = stream.chance(0.5) ? [hill(stream, size, mix(low, hsl(160, 0.2, 0.35), 0.5))] : [];
  return [wash(size, top, low), ...clouds, ...hills, ...twigs(stream, size, clutter)];
}

function foliage(stream: RandomStream, size: number, clutter: number): Shape[] {
  const hue = stream.pick([88, 105, 125, 65, 38]);
  const base = hsl(hue, stream.uniform(0.25, 0.4), stream.uniform(0.26, 0.4));
  const discs = times(Math.round(14 * clutter) + 8, () => {
    const tone = hsl(
      hue + stream.uniform(-25, 25),
      stream.uniform(0.2, 0.5),
      stream.uniform(0.3, 0.62),
    );
    return bokeh(anywhere(stream, size), size * stream.uniform(0.06, 0.17), tone, 0.75);
  });
  const blossom = hsl(stream.pick([350, 45, 0, 280]), 0.6, stream.uniform(0.6, 0.8));
  const blossoms = times(stream.integer(4), () =>
    bokeh(anywhere(stream, size), size * stream.uniform(0.02, 0.05), blossom, 0.9),
  );
  return [wash(size, lighten(base, 0.12), darken(base, 0.2)), ...discs, ...blossoms];
}

function water(stream: RandomStream, size: number, clutter: number): Shape[] {
  const hue = stream.pick([195, 205, 185, 222, 30]);
  const far = hsl(hue, stream.uniform(0.2, 0.4), stream.uniform(0.6, 0.75));
  const near = hsl(
    hue + stream.uniform(-10, 10),
    stream.uniform(0.3, 0.45),
    stream.uniform(0.32, 0.5),
  );
  const ripples = times(Math.round(12 * clutter) + 6, () => {
    const [x, y] = anywhere(stream, size);
    const length = size * stream.uniform(0.06, 0.3);
    const tone = stream.chance(0.5) ? lighten(far, 0.3) : darken(near, 0.2);
    return {
      path: ellipse([x, y], length, size * 0.006 * (0.6 + y / size)),
      fill: tone,
      opacity: 0.6,
    };
  });
  const shore = stream.chance(0.6) ? [hill(stream, size * 0.5, hsl(100, 0.2, 0.35), size)] : [];
  return [wash(size, far, near), ...shore, ...ripples];
}

function wood(stream: RandomStream, size: number, clutter: number): Shape[] {
  const base = hsl(stream.uniform(20, 110), stream.uniform(0.1, 0.3), stream.uniform(0.5, 0.72));
  const trunks = times(Math.round(4 * clutter) + 2, () => {
    const x = stream.uniform(0, size);
    const width = size * stream.uniform(0.03, 0.12);
    const lean = size * stream.uniform(-0.15, 0.15);
    const fill = darken(mix(base, hsl(25, 0.3, 0.3), 0.6), stream.uniform(0, 0.3));
    const corners: Point[] = [
      [x, 0],
      [x + width, 0],
      [x + width * 1.2 + lean, size],
      [x + lean, size],
    ];
    return { path: polygon(...corners), fill, opacity: stream.uniform(0.35, 0.8) };
  });
  const light = times(4, () =>
    bokeh(anywhere(stream, size), size * stream.uniform(0.08, 0.2), lighten(base, 0.35), 0.6),
  );
  return [wash(size, lighten(base, 0.2), darken(base, 0.3)), ...trunks, ...light];
}

function meadow(stream: RandomStream, size: number, clutter: number): Shape[] {
  const hue = stream.pick([75, 95, 48, 110]);
  const far = hsl(hue, stream.uniform(0.25, 0.4), stream.uniform(0.55, 0.72));
  const near = hsl(hue + 8, stream.uniform(0.3, 0.45), stream.uniform(0.3, 0.42));
  const blades = times(Math.round(18 * clutter) + 8, () => {
    const x = stream.uniform(0, size);
    const tip: Point = [x + size * stream.uniform(-0.14, 0.14), size * stream.uniform(0.3, 0.9)];
    const width = size * stream.uniform(0.008, 0.02);
    return {
      path: polygon([x - width, size], tip, [x + width, size]),
      fill: mix(near, far, stream.uniform()),
      opacity: 0.85,
    };
  });
  return [wash(size, lighten(far, 0.3), near), ...blades];
}

function clutter(stream: RandomStream, size: number, amount: number): Shape[] {
  const hue = stream.uniform(0, 360);
  const base = hsl(hue, stream.uniform(0.08, 0.25), stream.uniform(0.35, 0.65));
  const things = times(Math.round(12 * amount) + 5, () => {
    const tone = hsl(
      hue + stream.uniform(-60, 60),
      stream.uniform(0.05, 0.4),
      stream.uniform(0.25, 0.75),
    );
    const [x, y] = anywhere(stream, size);
    const [w, h] = [size * stream.uniform(0.04, 0.2), size * stream.uniform(0.04, 0.2)];
    const path = stream.chance(0.5)
      ? polygon([x - w, y - h], [x + w, y - h * 0.7], [x + w * 0.8, y + h], [x - w, y + h * 0.8])
      : ellipse([x, y], w, h, stream.uniform(0, 90));
    return { path, fill: tone, opacity: stream.uniform(0.35, 0.7) };
  });
  return [wash(size, lighten(base, 0.2), darken(base, 0.15)), ...things];
}

function wash(size: number, top: Colour, low: Colour): Shape {
  return {
    path: polygon([0, 0], [size, 0], [size, size], [0, size]),
    fill: ramp([0, 0], [0, size], top, low),
  };
}

/** A disc that fades out, as things far behind the focus do. */
function bokeh(centre: Point, radius: number, tone: Colour, opacity: number): Shape {
  const stops = [
    [0, tone, opacity],
    [0.6, tone, opacity * 0.8],
    [1, tone, 0],
  ] as const;
  return {
    path: ellipse(centre, radius, radius),
    fill: { kind: 'radial', from: centre, to: [centre[0] + radius, centre[1]], stops },
  };
}

function cloud(stream: RandomStream, size: number, tone: Colour): Shape[] {
  const [x, y] = [stream.uniform(0, size), stream.uniform(0.05, 0.6) * size];
  return times(4, (i) =>
    bokeh(
      [x + (i - 1.5) * size * 0.11, y + stream.uniform(-0.02, 0.03) * size],
      size * stream.uniform(0.08, 0.15),
      mix(tone, WHITE, 0.1),
      0.7,
    ),
  );
}

function hill(stream: RandomStream, level: number, tone: Colour, size: number = level): Shape {
  const y = level * stream.uniform(0.6, 0.85);
  const [a, b] = [y - size * stream.uniform(0, 0.2), y + size * stream.uniform(-0.1, 0.15)];
  const path = `M0,${round(y)} C${round(size * 0.3)},${round(a)} ${round(size * 0.7)},${round(b)} ${size},${round(y)} L${size},${round(level)} L0,${round(level)} Z`;
  return { path, fill: tone, opacity: 0.7 };
}

/** Bare twigs that come in from a side, out of focus. */
function twigs(stream: RandomStream, size: number, clutter: number): Shape[] {
  return times(Math.round(stream.integer(4) * clutter), () => {
    const y = stream.uniform(0, size);
    const [from, to] = stream.chance(0.5) ? [-2, 1] : [size + 2, -1];
    const tip = [
      from + to * size * stream.uniform(0.15, 0.5),
      y + stream.uniform(-0.3, 0.3) * size,
    ];
    return {
      path: `M${from},${round(y)} L${round(tip[0])},${round(tip[1])}`,
      stroke: darken(hsl(25, 0.25, 0.35), stream.uniform(0, 0.4)),
      width: size * stream.uniform(0.006, 0.016),
      opacity: 0.5,
    };
  });
}

function anywhere(stream: RandomStream, size: number): Point {
  return [stream.uniform(0, size), stream.uniform(0, size)];
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
