// Plane geometry for drawing: affine maps, and SVG paths as text that a map can move.

/** `[x, y]`. */
export type Point = readonly [x: number, y: number];

/** The map `(x, y) -> (a x + c y + e, b x + d y + f)`, in SVG's order `[a, b, c, d, e, f]`. */
export type Affine = readonly [number, number, number, number, number, number];

/** The map that first applies `inner`, then `outer`. */
export function compose(outer: Affine, inner: Affine): Affine {
  const [a, b, c, d, e, f] = outer;
  const [p, q, r, s, t, u] = inner;
  return [
    a * p + c * q,
    b * p + d * q,
    a * r + c * s,
    b * r + d * s,
    a * t + c * u + e,
    b * t + d * u + f,
  ];
}

export function translation(x: number, y: number): Affine {
  return [1, 0, 0, 1, x, y];
}

export function scaling(x: number, y: number): Affine {
  return [x, 0, 0, y, 0, 0];
}

/** A turn about `centre`, clockwise on the screen, in degrees. */
export function rotation(degrees: number, [x, y]: Point = [0, 0]): Affine {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y];
}

export function apply([a, b, c, d, e, f]: Affine, [x, y]: Point): Point {
  return [a * x + c * y + e, b * x + d * y + f];
}

/** The length that a unit becomes, averaged over directions. */
export function scaleOf([a, b, c, d]: Affine): number {
  return Math.sqrt(Math.abs(a * d - b * c));
}

/** Rounded to a hundredth: short text, and the same text whatever the last bit of a sine. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/**
 * Moves a path. Paths use only the absolute commands `M`, `L`, `C` and `Z`, so that their numbers
 * are pairs of coordinates.
 */
export function movePath(map: Affine, path: string): string {
  return path.replace(/(-?[\d.]+)[ ,](-?[\d.]+)/g, (_, x: string, y: string) => {
    const [u, v] = apply(map, [Number(x), Number(y)]);
    return `${round(u)},${round(v)}`;
  });
}

/** An ellipse as a path, clockwise; `turn` in degrees. */
export function ellipse([x, y]: Point, rx: number, ry: number, turn = 0): string {
  const k = 0.5523;
  const path =
    `M1,0 C1,${k} ${k},1 0,1 C${-k},1 -1,${k} -1,0 ` +
    `C-1,${-k} ${-k},-1 0,-1 C${k},-1 1,${-k} 1,0 Z`;
  return movePath(compose(translation(x, y), compose(rotation(turn), scaling(rx, ry))), path);
}

/** A polygon as a closed path. */
export function polygon(...points: Point[]): string {
  return `M${points.map(([x, y]) => `${round(x)},${round(y)}`).join(' L')} Z`;
}

/** The corners of a polygon that follows a path's curves. */
export function flatten(path: string, steps = 8): Point[] {
  const points: Point[] = [];
  for (const [, command, rest] of path.matchAll(/([MLC])([^MLCZ]*)/g)) {
    const pairs = pairsOf(rest);
    if (command !== 'C') points.push(...pairs);
    else for (let i = 0; i < pairs.length; i += 3) points.push(...curve(points.at(-1)!, pairs, i));
  }
  return points;

  function curve(from: Point, pairs: Point[], at: number): Point[] {
    return Array.from({ length: steps }, (_, i) => {
      const t = (i + 1) / steps;
      const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
      const corners = [from, pairs[at], pairs[at + 1], pairs[at + 2]];
      const sum = (axis: 0 | 1) => corners.reduce((s, p, j) => s + weights[j] * p[axis], 0);
      return [sum(0), sum(1)] as Point;
    });
  }
}

function pairsOf(text: string): Point[] {
  const numbers = (text.match(/-?[\d.]+/g) ?? []).map(Number);
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
}

/** Whether a point lies in a polygon (even-odd rule). */
export function inside([x, y]: Point, corners: readonly Point[]): boolean {
  let odd = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [xi, yi] = corners[i];
    const [xj, yj] = corners[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}
