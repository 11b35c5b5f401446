// ONNX files that cannot serve as frozen backbones: one clear error each.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { InputOptions } from '../../src/hub/input-options.ts';
import { openTrunk } from '../../src/hub/onnx-trunk.ts';
import type { TrunkOptions } from '../../src/hub/trunk-options.ts';
import { temporaryFolder } from '../support/files.ts';
import { graph, modelBytes, node, tinyModel, valueInfo, whole } from '../support/onnx-models.ts';
import { externalModel, lookAt, opened, SIZE } from '../support/trunks.ts';

const refused = async (bytes: Uint8Array, message: RegExp, options?: TrunkOptions & InputOptions) =>
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
    await refused(tinyModel({ input: valueInfo('pixels', dims) }), /one input, a batch of square/);
  }
  await refused(tinyModel({ input: valueInfo('pixels', [1, 3, SIZE, SIZE], 7) }), /other numbers/);
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
