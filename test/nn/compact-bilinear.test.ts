// Compact bilinear pooling against the tensor sketch as it is published, by Fourier transforms.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { float32 } from '../../src/core/tensor.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { bilinearPooling } from '../../src/nn/bilinear-pooling.ts';
import { compactBilinearPooling, tensorSketch } from '../../src/nn/compact-bilinear.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { relativeError } from '../support/numbers.ts';
import { runGraph } from '../support/run-graph.ts';

type Complex = [re: Float64Array, im: Float64Array];

/** Discrete Fourier transform of a length that is a power of two; `sign` 1 is the inverse times n. */
function fourier([re, im]: Complex, sign: 1 | -1): Complex {
  const n = re.length;
  if (n === 1) return [re.slice(), im.slice()];
  const half = (odd: number): Complex =>
    fourier(
      [re.filter((_, i) => i % 2 === odd), im.filter((_, i) => i % 2 === odd)] as Complex,
      sign,
    );
  const [[er, ei], [or, oi]] = [half(0), half(1)];
  const out: Complex = [new Float64Array(n), new Float64Array(n)];
  for (let k = 0; k < n / 2; k++) {
    const angle = (sign * 2 * Math.PI * k) / n;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const [tr, ti] = [c * or[k] - s * oi[k], c * oi[k] + s * or[k]];
    out[0][k] = er[k] + tr;
    out[1][k] = ei[k] + ti;
    out[0][k + n / 2] = er[k] - tr;
    out[1][k + n / 2] = ei[k] - ti;
  }
  return out;
}

interface Tables {
  readonly buckets: readonly number[];
  readonly signs: readonly number[];
}

/** psi(x, h, s): x_i s_i added up in bucket h_i. */
function countSketch(x: readonly number[], { buckets, signs }: Tables, d: number): Float64Array {
  const out = new Float64Array(d);
  x.forEach((v, i) => {
    out[buckets[i]] += v * signs[i];
  });
  return out;
}

/** Algorithm 2: IFFT(FFT(psi(x)) FFT(psi(y))), averaged over the places of two maps [C, L]. */
function sketchByFourier(maps: readonly number[][][], tables: readonly Tables[], d: number) {
  const total = new Float64Array(d);
  const places = maps[0][0].length;
  for (let l = 0; l < places; l++) {
    const [[ar, ai], [br, bi]] = maps.map((map, side) => {
      const place = map.map((row) => row[l]);
      return fourier([countSketch(place, tables[side], d), new Float64Array(d)], -1);
    });
    const re = ar.map((v, k) => v * br[k] - ai[k] * bi[k]);
    const im = ar.map((v, k) => v * bi[k] + ai[k] * br[k]);
    const [sketch] = fourier([re, im], 1);
    sketch.forEach((v, k) => {
      total[k] += v / d / places;
    });
  }
  return total;
}

function randomMap(channels: number, places: number, key: string): number[][] {
  const r = randomStream(5, 'compact', key);
  return Array.from({ length: channels }, () =>
    Array.from({ length: places }, () => r.uniform(-1, 1)),
  );
}

test.each([
  [12, 12, 64],
  [40, 24, 256],
  [60, 60, 4096],
])('%i x %i channels to %i numbers: equal to the Fourier form to 1e-5', async (ca, cb, d) => {
  const r = randomStream(d, 'tables');
  const maps = [randomMap(ca, 6, 'a'), randomMap(cb, 6, 'b')];
  const tables = [ca, cb].map((c): Tables => {
    const buckets = Array.from({ length: c }, () => r.integer(d));
    return { buckets, signs: buckets.map(() => r.pick([-1, 1])) };
  });
  const feeds = Object.fromEntries(
    maps.flatMap((map, i) => [
      [`x${i}`, float32([1, map.length, 2, 3], map.flat())],
      [`h${i}`, float32([map.length], tables[i].buckets)],
      [`s${i}`, float32([map.length], tables[i].signs)],
    ]),
  );
  const side = (i: number) => ({
    buckets: input(`h${i}`, feeds[`h${i}`].shape),
    signs: input(`s${i}`, feeds[`s${i}`].shape),
  });
  const [a, b] = [0, 1].map((i) => input(`x${i}`, feeds[`x${i}`].shape));
  const { t } = await runGraph({ t: tensorSketch([a, b], [side(0), side(1)], d) }, feeds);
  expect(relativeError(t, sketchByFourier(maps, tables, d))).toBeLessThan(1e-5);
});

/** The hash tables of 8 channels, as a run draws them. */
function drawnTables(seed: number, dimension = 32): ParameterStore {
  const parameters = new Parameters();
  const x = input('x', [1, 8, 2, 2]);
  compactBilinearPooling(parameters.root().child('sketch'), x, x, dimension);
  const store: ParameterStore = new Map();
  initialise(parameters, store, seed);
  expect([...parameters.specs.values()].every(({ trainable }) => !trainable)).toBe(true);
  return store;
}

test('hash tables are statistics: drawn by seed, in range, and different for the two sides', () => {
  const tables = drawnTables(1);
  expect(drawnTables(1)).toEqual(tables);
  expect(drawnTables(2)).not.toEqual(tables);
  const numbers = (path: string) => [...(tables.get(path)!.data as Float32Array)];
  for (const side of ['first', 'second']) {
    expect(numbers(`sketch.${side}.buckets`).every((k) => k >= 0 && k < 32 && k % 1 === 0)).toBe(
      true,
    );
    expect(new Set(numbers(`sketch.${side}.signs`))).toEqual(new Set([1, -1]));
  }
  expect(numbers('sketch.first.buckets')).not.toEqual(numbers('sketch.second.buckets'));
});

test('inner products of sketches scatter around those of the matrices, with deviation 1 / sqrt d', async () => {
  const shape = [1, 8, 2, 2];
  const d = 256;
  const maps = { x: randomMap(8, 4, 'p').flat(), y: randomMap(8, 4, 'q').flat() };
  const feeds = Object.fromEntries(
    Object.entries(maps).map(([name, data]) => [name, float32(shape, data)]),
  );
  const errors: number[] = [];
  for (let seed = 0; seed < 30; seed++) {
    const parameters = new Parameters();
    const scope = parameters.root();
    const [tx, ty] = ['x', 'y'].map((name) => {
      const map = input(name, shape);
      const side = (which: string) => ({
        buckets: scope.child(which).parameter('buckets', [8], 'statistic', never),
        signs: scope.child(which).parameter('signs', [8], 'statistic', never),
      });
      return tensorSketch([map, map], [side('sketch.first'), side('sketch.second')], d);
    });
    const store = drawnTables(seed, d);
    const run = await runGraph({ tx, ty }, feeds, { constants: (path) => store.get(path) });
    const dot = (a: number[], b: number[]) => a.reduce((total, v, i) => total + v * b[i], 0);
    const exact = kernel(maps.x, maps.y);
    const size = Math.sqrt(kernel(maps.x, maps.x) * kernel(maps.y, maps.y));
    errors.push((dot(run.tx, run.ty) - exact) / size);
  }
  const mean = errors.reduce((total, e) => total + e, 0) / errors.length;
  const deviation = Math.sqrt(errors.reduce((total, e) => total + e * e, 0) / errors.length);
  expect(Math.abs(mean)).toBeLessThan(3 / Math.sqrt(d * errors.length));
  expect(deviation).toBeLessThan(2 / Math.sqrt(d));
});

const never = () => {
  throw new Error('the numbers are given');
};

/** <Phi(x), Phi(y)> of maps [8, 4]: the mean of <x_l, y_m>^2 over pairs of places. */
function kernel(x: readonly number[], y: readonly number[]): number {
  let total = 0;
  for (let l = 0; l < 4; l++)
    for (let m = 0; m < 4; m++) {
      let inner = 0;
      for (let c = 0; c < 8; c++) inner += x[c * 4 + l] * y[c * 4 + m];
      total += inner ** 2 / 16;
    }
  return total;
}

test('the descriptor has unit norm and keeps the batch free, like the full one', async () => {
  const parameters = new Parameters();
  const x = input('x', [1, 8, 2, 2]);
  const compact = compactBilinearPooling(parameters.root().child('sketch'), x, x, 32).unit;
  const full = bilinearPooling(x).unit;
  const store = drawnTables(4);
  const run = (batch: number) =>
    runGraph(
      { compact, full },
      {
        x: float32(
          [batch, 8, 2, 2],
          randomMap(8, 12, 'z')
            .flat()
            .slice(0, batch * 32),
        ),
      },
      { constants: (path) => store.get(path), freeBatch: 'batch' },
    );
  const [one, three] = [await run(1), await run(3)];
  expect(three.compact.slice(0, 32)).toBeAllClose(one.compact);
  expect(three.full.slice(0, 36)).toBeAllClose(one.full);
  for (const row of [three.compact.slice(64), three.full.slice(72)]) {
    expect([row.reduce((total, v) => total + v * v, 0)]).toBeAllClose([1], { rtol: 1e-5 });
  }
});
