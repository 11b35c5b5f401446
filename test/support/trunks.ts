// What the tests of ONNX trunks share: models are opened and looked at through our preprocessing.

import { join } from 'node:path';
import { expect } from 'vitest';
import type { InputOptions } from '../../src/hub/input-options.ts';
import { openTrunk, type Trunk } from '../../src/hub/onnx-trunk.ts';
import type { TrunkOptions } from '../../src/hub/trunk-options.ts';
import { imageInput, normaliseImage } from '../../src/nn/image-input.ts';
import { Parameters } from '../../src/nn/scope.ts';
import { temporaryFolder } from './files.ts';
import { uniformTensor } from './golden.ts';
import { noiseImage } from './images.ts';
import {
  CHANNELS,
  graph,
  modelBytes,
  node,
  planeMeans,
  tinyMap,
  valueInfo,
  weights,
} from './onnx-models.ts';
import { runGraph } from './run-graph.ts';

/** Side of the photographs. */
export const SIZE = 16;
const BUILD = { norms: 'frozen', padding: 'torch' } as const;
/** How tests scale pixels. */
export const MEAN = [0.5, 0.4, 0.3] as const;
/** And divide them. */
export const STD = [0.2, 0.25, 0.5] as const;
/** The same as options. */
export const scaled: TrunkOptions & InputOptions = { mean: MEAN, std: STD };

/** Opens a model of these bytes; the file is `net.onnx`. */
export async function opened(
  bytes: Uint8Array,
  options: TrunkOptions & InputOptions = scaled,
): Promise<Trunk> {
  const folder = await temporaryFolder({ 'net.onnx': bytes });
  return await openTrunk(join(folder, 'net.onnx'), SIZE, options);
}

/** Pooled features and map of two photographs, through our own preprocessing. */
export async function lookAt({ backbone, pixels }: Trunk, batch = 2) {
  const photos = noiseImage(SIZE, SIZE * batch).data;
  const image = normaliseImage(imageInput(batch, SIZE), pixels);
  const { pooled, map } = backbone.features(new Parameters().root(), image, BUILD);
  const feeds = { image: { dtype: 'uint8', shape: [batch, SIZE, SIZE, 3], data: photos } } as const;
  const numbers = await runGraph({ pooled, map }, feeds);
  return {
    pooled: numbers.pooled,
    map: numbers.map,
    photos,
    shapes: { pooled: pooled.shape, map: map.shape },
  };
}

/** The maps of these photographs by plain loops, scaled in the same way. */
export function expectedMaps(
  photos: Uint8Array,
  scale = (v: number, c: number) => (v / 255 - MEAN[c]) / STD[c],
) {
  const plane = SIZE * SIZE;
  return Array.from({ length: photos.length / (3 * plane) }, (_, n) =>
    tinyMap(
      Float64Array.from({ length: 3 * plane }, (_, i) =>
        scale(
          photos[n * 3 * plane + (i % plane) * 3 + Math.floor(i / plane)],
          Math.floor(i / plane),
        ),
      ),
    ),
  );
}

/** What is accepted of float32. */
export const close = { rtol: 1e-5, atol: 1e-5 };

/** The tiny network must have given its own map and average. */
export async function expectTiny(
  trunk: Trunk,
  scale?: (v: number, c: number) => number,
  tolerance = close,
) {
  const { pooled, map, photos } = await lookAt(trunk);
  const maps = expectedMaps(photos, scale);
  expect(map).toBeAllClose(
    maps.flatMap((one) => [...one]),
    tolerance,
  );
  expect(pooled).toBeAllClose(
    maps.flatMap((one) => planeMeans(one, CHANNELS)),
    tolerance,
  );
}

/** The tiny network's kernel as an initialiser. */
export function kernel(name = 'kernel') {
  return weights(name, [CHANNELS, 3, 4, 4], uniformTensor('kernel', [CHANNELS, 3, 4, 4]));
}

/** The tiny network with its kernel from byte 8 on in another file, which is `numbers.bin`. */
export async function externalModel(location: string, cut = 0): Promise<string> {
  const own = kernel();
  const bytes = own.rawData;
  const file = new Uint8Array(8 + bytes.length - cut);
  file.set(bytes.subarray(0, bytes.length - cut), 8);
  Object.assign(own, {
    rawData: new Uint8Array(),
    dataLocation: 1,
    externalData: Object.entries({ location, offset: '8', length: String(bytes.length) }).map(
      ([key, value]) => ({ $typeName: 'onnx.StringStringEntryProto', key, value }),
    ),
  });
  const body = graph({
    nodes: [
      node('Conv', ['pixels', 'kernel'], ['map'], { strides: [4, 4] }),
      node('Relu', ['map'], ['active']),
      node('GlobalAveragePool', ['active'], ['flat']),
    ],
    inputs: [valueInfo('pixels', ['N', 3, SIZE, SIZE])],
    outputs: [valueInfo('flat', undefined)],
    initializers: [own],
  });
  return await temporaryFolder({ 'net.onnx': modelBytes(body), 'numbers.bin': file });
}
