// ONNX files from elsewhere as frozen backbones: small models of every kind that is supported, and
// what is wrong with others.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { FunctionProtoSchema } from '../../src/graph/onnx/generated/onnx_pb.ts';
import type { InputOptions } from '../../src/hub/input-options.ts';
import { openTrunk, type Trunk, trunkSize } from '../../src/hub/onnx-trunk.ts';
import type { TrunkOptions } from '../../src/hub/trunk-options.ts';
import { imageInput, normaliseImage } from '../../src/nn/image-input.ts';
import { Parameters } from '../../src/nn/scope.ts';
import { temporaryFolder } from '../support/files.ts';
import { uniformTensor } from '../support/golden.ts';
import { noiseImage } from '../support/images.ts';
import {
  CHANNELS,
  graph,
  modelBytes,
  node,
  onnxType,
  planeMeans,
  type TinyOptions,
  tinyMap,
  tinyModel,
  valueInfo,
  weights,
  whole,
} from '../support/onnx-models.ts';
import { runGraph } from '../support/run-graph.ts';

const SIZE = 16;
const BUILD = { norms: 'frozen', padding: 'torch' } as const;
const MEAN = [0.5, 0.4, 0.3] as const;
const STD = [0.2, 0.25, 0.5] as const;
type Options = TrunkOptions & InputOptions;
const scaled: Options = { mean: MEAN, std: STD };

async function opened(bytes: Uint8Array, options: Options = scaled): Promise<Trunk> {
  const folder = await temporaryFolder({ 'net.onnx': bytes });
  return await openTrunk(join(folder, 'net.onnx'), SIZE, options);
}

/** Pooled features and map of two photographs, through our own preprocessing. */
async function lookAt({ backbone, pixels }: Trunk, batch = 2, freeBatch?: string) {
  const photos = noiseImage(SIZE, SIZE * batch).data;
  const image = normaliseImage(imageInput(batch, SIZE), pixels);
  const { pooled, map } = backbone.features(new Parameters().root(), image, BUILD);
  const feeds = { image: { dtype: 'uint8', shape: [batch, SIZE, SIZE, 3], data: photos } } as const;
  const numbers = await runGraph({ pooled, map }, feeds, { freeBatch });
  return {
    pooled: numbers.pooled,
    map: numbers.map,
    photos,
    shapes: { pooled: pooled.shape, map: map.shape },
  };
}

/** The maps of these photographs by plain loops, scaled in the same way. */
function expectedMaps(
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

const close = { rtol: 1e-5, atol: 1e-5 };

/** The tiny network must have given its own map and average. */
async function expectTiny(
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

describe('kinds of models', () => {
  test.each([13, 17, 18, 21, 23])('operator set %i', async (opset) => {
    const trunk = await opened(tinyModel({ opset, ir: opset > 20 ? 10 : 8 }));
    await expectTiny(trunk);
    expect(trunk.backbone).toMatchObject({ name: 'onnx:net.onnx', frozen: true });
  });

  test('channels last', async () => {
    const nodes = [
      node('Transpose', ['pixels'], ['planes'], { perm: [0, 3, 1, 2] }),
      node('Conv', ['planes', 'kernel'], ['map'], { strides: [4, 4] }),
      node('Relu', ['map'], ['active']),
      node('Transpose', ['active'], ['last'], { perm: [0, 2, 3, 1] }),
    ];
    const inputs = [valueInfo('pixels', ['N', SIZE, SIZE, 3])];
    const initializers = [kernel()];
    const outputs = [valueInfo('last', undefined)];
    await expectTiny(await opened(modelBytes(graph({ nodes, inputs, outputs, initializers }))));
  });

  test('bytes, channels last, with the scaling inside', async () => {
    const nodes = [
      node('Cast', ['pixels'], ['floats'], { to: 1 }),
      node('Transpose', ['floats'], ['planes'], { perm: [0, 3, 1, 2] }),
      node('Conv', ['planes', 'kernel'], ['map'], { strides: [4, 4] }),
      node('Relu', ['map'], ['active']),
      node('GlobalAveragePool', ['active'], ['flat']),
    ];
    const inputs = [valueInfo('pixels', ['N', 'H', 'W', 3], onnxType.uint8)];
    const outputs = [valueInfo('flat', undefined)];
    const bytes = modelBytes(graph({ nodes, inputs, outputs, initializers: [kernel()] }));
    await expectTiny(await opened(bytes, {}), (v) => v, { rtol: 1e-5, atol: 1e-3 });
    await expect(opened(bytes)).rejects.toMatchObject({ code: 'FM_CONFIG' });
  });

  test('half precision', async () => {
    const half = valueInfo('pixels', ['N', 3, SIZE, SIZE], onnxType.float16);
    const nodes = [
      node('Cast', ['kernel'], ['halfKernel'], { to: 10 }),
      node('Conv', ['pixels', 'halfKernel'], ['map'], { strides: [4, 4] }),
      node('Relu', ['map'], ['active']),
      node('GlobalAveragePool', ['active'], ['flat']),
    ];
    const outputs = [valueInfo('flat', undefined, onnxType.float16)];
    const bytes = modelBytes(graph({ nodes, inputs: [half], outputs, initializers: [kernel()] }));
    await expectTiny(await opened(bytes), undefined, { rtol: 2e-2, atol: 2e-2 });
  });

  test('numbers in a file beside it', async () => {
    const folder = await externalModel('numbers.bin');
    const trunk = await openTrunk(join(folder, 'net.onnx'), SIZE, scaled);
    await expectTiny(trunk);
    await writeFile(join(folder, 'numbers.bin'), new Uint8Array(8 + 4 * CHANNELS * 48).fill(1));
    const other = await openTrunk(join(folder, 'net.onnx'), SIZE, scaled);
    expect(other.hash).not.toBe(trunk.hash);
  });

  test('bodies that read values around them', async () => {
    // the features are read by a body as well: their name changes when they become an output
    const body = (op: string, name: string) =>
      graph({
        nodes: [node(op, ['flat', 'kernel0'], [name])],
        outputs: [valueInfo(name, undefined)],
      });
    const bytes = tinyModel({
      tail: [
        node('If', ['yes'], ['chosen'], {
          then_branch: body('Mul', 'product'),
          else_branch: body('Add', 'sum'),
        }),
      ],
      tailWeights: [
        weights('kernel0', [1], [3]),
        Object.assign(weights('yes', []), { dataType: 9, rawData: Uint8Array.of(1) }),
      ],
      outputs: [valueInfo('flat', undefined), valueInfo('chosen', undefined)],
    });
    const trunk = await opened(bytes, { ...scaled, feature: 'chosen', map: 'flat' });
    const { pooled, map } = await lookAt(trunk);
    expect(pooled).toBeAllClose(
      map.map((v) => 3 * v),
      close,
    );
  });

  test('functions and a second name of the standard operators', async () => {
    const twice = create(FunctionProtoSchema, {
      name: 'Twice',
      domain: 'mine',
      node: [node('Add', ['n0', 'n0'], ['n1'])],
      opsetImport: [{ domain: '', version: 17n }],
    });
    // the schema leaves these fields out: they must survive a round trip
    const names = (number: number, text: string) => ({
      no: number,
      wireType: 2,
      data: Uint8Array.of(text.length, ...new TextEncoder().encode(text)),
    });
    twice.$unknown = [names(4, 'n0'), names(5, 'n1')];
    const bytes = tinyModel({
      tail: [
        node('Twice', ['flat'], ['double'], {}, 'mine'),
        node('Relu', ['double'], ['last'], {}, 'ai.onnx'),
      ],
      domains: { mine: 1 },
      functions: [twice],
    });
    const { pooled, photos } = await lookAt(await opened(bytes));
    const doubled = expectedMaps(photos).flatMap((one) => planeMeans(one, CHANNELS));
    expect(pooled).toBeAllClose(
      doubled.map((v) => 2 * v),
      close,
    );
  });

  test('names that are ours', async () => {
    const nodes = [
      node('Conv', ['image', 'c0'], ['n0'], { strides: [4, 4] }),
      node('Relu', ['n0'], ['n1']),
      node('GlobalAveragePool', ['n1'], ['pooled']),
      node('Mul', ['pooled', 'c1'], ['map']),
    ];
    const inputs = [valueInfo('image', ['N', 3, SIZE, SIZE])];
    const one = weights('c1', [1], [1]);
    const initializers = [kernel('c0'), one];
    const bytes = modelBytes(
      graph({ nodes, inputs, outputs: [valueInfo('map', undefined)], initializers }),
    );
    await expectTiny(await opened(bytes));
  });

  test('initialisers that are inputs too, as the first versions wrote them', async () => {
    const body = graph({
      nodes: [
        node('Conv', ['pixels', 'kernel'], ['map'], { strides: [4, 4] }),
        node('Relu', ['map'], ['a']),
      ],
      inputs: [valueInfo('kernel', [CHANNELS, 3, 4, 4]), valueInfo('pixels', ['N', 3, SIZE, SIZE])],
      outputs: [valueInfo('a', undefined)],
      initializers: [kernel()],
    });
    await expectTiny(await opened(modelBytes(body, { ir: 3 })));
  });

  test('a batch that is written into the graph', async () => {
    const bytes = tinyModel({
      input: valueInfo('pixels', [1, 3, SIZE, SIZE]),
      tail: [node('Reshape', ['flat', 'one'], ['row'])],
      tailWeights: [whole('one', [1, CHANNELS])],
    });
    const trunk = await opened(bytes);
    expect(trunk.notes.join()).toContain('one image at a time');
    const { pooled, photos } = await lookAt(trunk, 1);
    expect(pooled).toBeAllClose(planeMeans(expectedMaps(photos)[0], CHANNELS), close);
    await expect(lookAt(trunk, 2)).rejects.toMatchObject({ code: 'FM_GRAPH' });
  });

  test('a batch of one that is only declared is left free', async () => {
    const trunk = await opened(tinyModel({ input: valueInfo('pixels', [1, 3, SIZE, SIZE]) }));
    expect(trunk.notes.join()).not.toContain('one image at a time');
    await expectTiny(trunk);
  });
});

describe('features', () => {
  const classifier: TinyOptions = {
    tail: [node('Gemm', ['flat', 'fc'], ['logits'])],
    tailWeights: [weights('fc', [CHANNELS, 9])],
  };

  test('an output behind a linear layer, with a note; the map is before the average', async () => {
    const trunk = await opened(tinyModel(classifier));
    const { shapes } = await lookAt(trunk);
    expect(shapes).toEqual({ pooled: [2, 9], map: [2, CHANNELS, 4, 4] });
    expect(trunk.notes.join('\n')).toContain('--feature flat takes what is before it');
    expect(trunk.notes.join('\n')).toContain("evidence is drawn from 'active' [1, 6, 4, 4]");
  });

  test('by name: what is behind it is left out', async () => {
    const trunk = await opened(tinyModel(classifier), { ...scaled, feature: 'flat' });
    await expectTiny(trunk);
    expect(trunk.backbone.millionParameters).toBeCloseTo((CHANNELS * 48) / 1e6, 9);
    const map = await opened(tinyModel(classifier), { ...scaled, feature: 'active' });
    await expectTiny(map);
  });

  test('by a name that is not there: some that are', async () => {
    const wrong = opened(tinyModel(classifier), { feature: 'pool' });
    await expect(wrong).rejects.toMatchObject({
      code: 'FM_TRUNK',
      message: expect.stringMatching(/'average', .*'flat', 'logits'.* got 'pool'/),
    });
    await expect(opened(tinyModel(), { map: 'flatt' })).rejects.toMatchObject({ code: 'FM_TRUNK' });
  });

  /** Tokens [N, extra + 16, 6] of the tiny network, with constant ones in front. */
  function tokens(extra: number): Uint8Array {
    return tinyModel({
      tail: [
        node('Reshape', ['active', 'rows'], ['planes']),
        node('Transpose', ['planes'], ['patches'], { perm: [0, 2, 1] }),
        node('Slice', ['patches', 'from', 'to', 'axis'], ['some']),
        node('Mul', ['some', 'seven'], ['first']),
        node('Concat', ['first', 'patches'], ['tokens'], { axis: 1 }),
      ],
      tailWeights: [
        whole('rows', [0, CHANNELS, 16]),
        whole('from', [0]),
        whole('to', [extra]),
        whole('axis', [1]),
        weights('seven', [1], [7]),
      ],
    });
  }

  test('tokens: the first, or the mean of the patches; the others are the map', async () => {
    const first = await lookAt(await opened(tokens(1)));
    const maps = expectedMaps(first.photos);
    expect(first.map).toBeAllClose(
      maps.flatMap((one) => [...one]),
      close,
    );
    const corner = maps.flatMap((one) => planeMeans(one, CHANNELS).map((_, c) => 7 * one[c * 16]));
    expect(first.pooled).toBeAllClose(corner, close);
    await expectTiny(await opened(tokens(1), { ...scaled, token: 'mean' }));
  });

  test('tokens of which all are patches: the mean', async () => {
    const trunk = await opened(tokens(0));
    await expectTiny(trunk);
  });

  test('without a map anywhere: one place, with a note', async () => {
    const bytes = modelBytes(
      graph({
        nodes: [
          node('Flatten', ['pixels'], ['row']),
          node('MatMul', ['row', 'w'], ['half']),
          node('Mul', ['half', 'half'], ['square']),
        ],
        inputs: [valueInfo('pixels', ['N', 3, SIZE, SIZE])],
        outputs: [valueInfo('square', undefined)],
        initializers: [weights('w', [768, 5])],
      }),
    );
    // the photograph itself is no map
    const trunk = await opened(bytes);
    const { shapes, pooled, map } = await lookAt(trunk);
    expect(shapes.map).toEqual([2, 5, 1, 1]);
    expect(map).toEqual(pooled);
    expect(trunk.notes.join()).toContain('no map was found');
  });
});

describe('metadata', () => {
  test('scaling, size and licence, as in weights files', async () => {
    const fieldmark = JSON.stringify({
      input: { mean: MEAN, std: STD, size: SIZE },
      licence: 'CC-BY-NC-4.0',
      source: 'a museum',
    });
    const input = valueInfo('pixels', ['N', 3, 'H', 'W']);
    const bytes = tinyModel({ input, metadata: { fieldmark } });
    const trunk = await opened(bytes, {});
    await expectTiny(trunk);
    expect(trunk.description).toMatchObject({ licence: 'CC-BY-NC-4.0', source: 'a museum' });
    const folder = await temporaryFolder({ 'net.onnx': bytes });
    expect(await trunkSize(join(folder, 'net.onnx'))).toBe(SIZE);
    const free = await temporaryFolder({ 'net.onnx': tinyModel({ input }) });
    expect(await trunkSize(join(free, 'net.onnx'))).toBe(224);
  });

  test('lists of numbers, as other exporters write them', async () => {
    const metadata = { mean: `(${MEAN.join(', ')})`, std: JSON.stringify(STD), license: 'MIT' };
    const trunk = await opened(tinyModel({ metadata }), {});
    await expectTiny(trunk);
    expect(trunk.description.licence).toBe('MIT');
  });

  test('nothing: ImageNet, with a note; one of two is an error', async () => {
    const trunk = await opened(tinyModel(), {});
    expect(trunk.notes.join()).toContain("ImageNet's mean and std are assumed");
    await expectTiny(
      trunk,
      (v, c) => (v / 255 - [0.485, 0.456, 0.406][c]) / [0.229, 0.224, 0.225][c],
    );
    await expect(opened(tinyModel(), { mean: MEAN })).rejects.toMatchObject({ code: 'FM_CONFIG' });
    const wrong = opened(tinyModel({ metadata: { fieldmark: '{"size": 3}' } }), {});
    await expect(wrong).rejects.toMatchObject({ code: 'FM_TRUNK' });
  });
});

describe('what does not serve', () => {
  const refused = async (bytes: Uint8Array, message: RegExp, options?: Options) =>
    await expect(opened(bytes, options)).rejects.toMatchObject({
      code: 'FM_TRUNK',
      message: expect.stringMatching(message),
    });

  test('two inputs', async () => {
    const two = graph({
      nodes: [node('Add', ['a', 'b'], ['sum']), node('Relu', ['a'], ['alone'])],
      inputs: [valueInfo('a', ['N', 3, SIZE, SIZE]), valueInfo('b', ['N', 3, SIZE, SIZE])],
      outputs: [valueInfo('sum', undefined)],
    });
    await refused(modelBytes(two), /'a' \(float32 \[N, 3, 16, 16\]\) and 'b'.*--feature/);
    // a tensor that needs the image alone is fine
    const trunk = await opened(modelBytes(two), { feature: 'alone' });
    expect((await lookAt(trunk)).shapes.pooled).toEqual([2, 3]);
  });

  test('an input that is no image', async () => {
    for (const dims of [[1, 10], [1, 4, SIZE, SIZE], [1, 3, SIZE, 20], undefined]) {
      await refused(
        tinyModel({ input: valueInfo('pixels', dims) }),
        /one input, a batch of square/,
      );
    }
    await refused(
      tinyModel({ input: valueInfo('pixels', [1, 3, SIZE, SIZE], 7) }),
      /other numbers/,
    );
  });

  test('an old operator set, or none', async () => {
    await refused(
      tinyModel({ opset: 12 }),
      /operator set 13 or later, got operator set 12.*opset_version/,
    );
    await refused(tinyModel({ opset: 0 }), /got none/);
  });

  test('another size than its own', async () => {
    const folder = await temporaryFolder({ 'net.onnx': tinyModel() });
    await expect(openTrunk(join(folder, 'net.onnx'), 32)).rejects.toMatchObject({
      code: 'FM_CONFIG',
      message: expect.stringMatching(/^size: expected 16, .* got 32/),
    });
  });

  test('what the engine cannot run', async () => {
    const tail = [node('Marvel', ['flat'], ['x'])];
    await refused(tinyModel({ tail }), /ONNX Runtime runs on one image of 16 x 16.*Marvel/);
    const reshape = [node('Reshape', ['flat', 'shape'], ['x'])];
    const tailWeights = [whole('shape', [5, 5])];
    await refused(tinyModel({ tail: reshape, tailWeights }), /ONNX Runtime runs on one image/);
  });

  test('features of a shape that means nothing', async () => {
    const tail = [node('Reshape', ['active', 'shape'], ['x'])];
    const tailWeights = [whole('shape', [1, 2, 2, 2, 12])];
    await refused(tinyModel({ tail, tailWeights }), /got 'x' of shape \[1, 2, 2, 2, 12\]/);
  });

  test('no file, no model, numbers that are missing or elsewhere', async () => {
    const folder = await temporaryFolder({ 'text.onnx': 'a text', 'empty.onnx': '' });
    for (const name of ['none.onnx', 'text.onnx', 'empty.onnx', '.']) {
      await expect(openTrunk(join(folder, name), SIZE)).rejects.toMatchObject({
        code: 'FM_FORMAT',
      });
    }
    for (const location of [
      '../numbers.bin',
      '/etc/passwd',
      'a/../../b',
      'C:\\x',
      'absent.bin',
      '',
    ]) {
      const path = join(await externalModel(location), 'net.onnx');
      await expect(openTrunk(path, SIZE), location).rejects.toMatchObject({ code: 'FM_FORMAT' });
    }
    const short = await externalModel('numbers.bin', 10);
    await expect(openTrunk(join(short, 'net.onnx'), SIZE)).rejects.toThrow(/the file ends early/);
  });
});

function kernel(name = 'kernel') {
  return weights(name, [CHANNELS, 3, 4, 4], uniformTensor('kernel', [CHANNELS, 3, 4, 4]));
}

/** The tiny network with its kernel from byte 8 on in another file, which is `numbers.bin`. */
async function externalModel(location: string, cut = 0): Promise<string> {
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
