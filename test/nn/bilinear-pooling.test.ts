// Full bilinear pooling: descriptor and gradients against the closed forms, and what its triangle keeps.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { pullBack } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import type { Value } from '../../src/graph/value.ts';
import { bilinearPooling, bilinearSize } from '../../src/nn/bilinear-pooling.ts';

const EPSILON = 1e-5;

/** Maps [C, L] with numbers of both signs. */
function randomMap(channels: number, places: number, key: string): number[][] {
  const r = randomStream(3, 'bilinear', key);
  return Array.from({ length: channels }, () =>
    Array.from({ length: places }, () => r.uniform(-1, 1)),
  );
}

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((total, v, i) => total + v * b[i], 0);
const product = (a: readonly number[][], b: readonly number[][]) =>
  a.map((row) => b[0].map((_, j) => row.reduce((total, v, k) => total + v * b[k][j], 0)));
const transposed = (a: readonly number[][]) => a[0].map((_, j) => a.map((row) => row[j]));
const scaled = (a: readonly number[][], k: number) => a.map((row) => row.map((v) => v * k));

/** z = y / |y| with y = sign(Phi) sqrt(|Phi| + e), written out. */
function byHand(a: readonly number[][], b: readonly number[][]) {
  const phi = scaled(product(a, transposed(b)), 1 / a[0].length);
  const y = phi.map((row) => row.map((v) => Math.sign(v) * Math.sqrt(Math.abs(v) + EPSILON)));
  const norm = Math.sqrt(dot(y.flat(), y.flat()));
  return { phi, norm, z: scaled(y, 1 / norm) };
}

/** METHODS, section 4: dPhi = (g - z (z'g)) / |y| / (2 sqrt(|Phi| + e)), for the whole matrix. */
function gradientByHand(a: readonly number[][], b: readonly number[][], g: readonly number[][]) {
  const { phi, norm, z } = byHand(a, b);
  const along = dot(z.flat(), g.flat());
  return phi.map((row, i) =>
    row.map((v, j) => (g[i][j] - z[i][j] * along) / norm / (2 * Math.sqrt(Math.abs(v) + EPSILON))),
  );
}

const map = (name: string, [c, h, w]: readonly number[]) => input(name, [1, c, h, w]);

function values(outputs: readonly Value[], feeds: Record<string, number[]>): number[][] {
  return evaluate(outputs, feeds).map(({ data }) => [...data]);
}

// Phi of one place (1, 2) and one (3, 4): [[1 + 9, 2 + 12], [., 4 + 16]] / 2 = [[5, 7], [7, 10]];
// y = (sqrt 5, sqrt 7, sqrt 10) with sqrt 2 on the one off the diagonal, |y|^2 = 5 + 14 + 10
test('two places of two channels, by hand', () => {
  const { unit, roots, norm } = bilinearPooling(map('x', [2, 1, 2]));
  const [z, y, n] = values([unit, roots, norm], { x: [1, 3, 2, 4] });
  const expected = [Math.sqrt(5), Math.sqrt(14), Math.sqrt(10)];
  expect(y).toBeAllClose(expected, { rtol: 1e-5 });
  expect(n).toBeAllClose([Math.sqrt(29)], { rtol: 1e-5 });
  expect(z).toBeAllClose(
    expected.map((v) => v / Math.sqrt(29)),
    { rtol: 1e-5 },
  );
});

test('two maps: descriptor and gradients in both are those of the closed forms', () => {
  const [a, b] = [randomMap(3, 6, 'a'), randomMap(4, 6, 'b')];
  const [xa, xb] = [map('a', [3, 2, 3]), map('b', [4, 2, 3])];
  const { unit } = bilinearPooling(xa, xb);
  const g = randomMap(3, 4, 'g');
  const found = pullBack(unit, input('g', [1, 12]), [xa, xb]);
  const feeds = { a: a.flat(), b: b.flat(), g: g.flat() };
  const [z, da, db] = values([unit, ...found], feeds);
  expect(z).toBeAllClose(byHand(a, b).z.flat(), { rtol: 1e-9 });
  const dPhi = gradientByHand(a, b, g);
  // dX_A = dPhi X_B / L, dX_B = dPhi' X_A / L
  expect(da).toBeAllClose(scaled(product(dPhi, b), 1 / 6).flat(), { rtol: 1e-9, atol: 1e-9 });
  expect(db).toBeAllClose(scaled(product(transposed(dPhi), a), 1 / 6).flat(), {
    rtol: 1e-9,
    atol: 1e-9,
  });
});

test('one map: the gradient is (dPhi + dPhi^T) X / L', () => {
  const x = randomMap(4, 6, 'x');
  const g = randomMap(4, 4, 'g');
  const symmetric = g.map((row, i) => row.map((v, j) => v + g[j][i]));
  const value = map('x', [4, 2, 3]);
  const { unit } = bilinearPooling(value);
  // z of the triangle has sqrt 2 z_ij for both z_ij and z_ji
  const upstream = symmetric.flatMap((row, i) =>
    row.slice(i).map((v, k) => (k === 0 ? v : Math.SQRT2 * v)),
  );
  const [dx] = values(pullBack(unit, input('g', [1, 10]), [value]), {
    x: x.flat(),
    g: upstream,
  });
  const dPhi = gradientByHand(x, x, symmetric);
  // the graph's sqrt 2 is a float32
  expect(dx).toBeAllClose(scaled(product(dPhi, x), 2 / 6).flat(), { rtol: 1e-7, atol: 1e-7 });
});

test('the triangle has the inner products of the whole matrix', () => {
  const [x, y] = [randomMap(5, 4, 'x'), randomMap(5, 4, 'y')];
  const size = [5, 2, 2];
  const found = [map('x', size), map('y', size)].map((one) => bilinearPooling(one).unit);
  const [zx, zy] = values(found, { x: x.flat(), y: y.flat() });
  expect(zx.length).toBe(bilinearSize(5));
  const whole = [x, y].map((one) => byHand(one, one).z.flat());
  expect([dot(zx, zy)]).toBeAllClose([dot(whole[0], whole[1])], { rtol: 1e-9 });
  expect([dot(zx, zx)]).toBeAllClose([1], { rtol: 1e-9 });
});

test('a map of zeros has the descriptor zero and a gradient that is a number', () => {
  const x = map('x', [3, 2, 2]);
  const { unit } = bilinearPooling(x);
  const [z, dx] = values([unit, ...pullBack(unit, input('g', [1, 6]), [x])], {
    x: new Array(12).fill(0),
    g: new Array(6).fill(1),
  });
  expect(z).toEqual(new Array(6).fill(0));
  expect(dx.every(Number.isFinite)).toBe(true);
});
