// Which tensors of an ONNX file are the features and the map, and what its metadata says.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { trunkSize } from '../../src/hub/onnx-trunk.ts';
import { temporaryFolder } from '../support/files.ts';
import {
  CHANNELS,
  graph,
  modelBytes,
  node,
  planeMeans,
  type TinyOptions,
  tinyModel,
  valueInfo,
  weights,
  whole,
} from '../support/onnx-models.ts';
import {
  close,
  expectedMaps,
  expectTiny,
  lookAt,
  MEAN,
  opened,
  SIZE,
  STD,
  scaled,
} from '../support/trunks.ts';

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
