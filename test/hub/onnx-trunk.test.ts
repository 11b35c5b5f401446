// ONNX files from elsewhere as frozen backbones: small models of every kind that is supported.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { FunctionProtoSchema } from '../../src/graph/onnx/generated/onnx_pb.ts';
import { openTrunk } from '../../src/hub/onnx-trunk.ts';
import {
  CHANNELS,
  graph,
  modelBytes,
  node,
  onnxType,
  planeMeans,
  tinyModel,
  valueInfo,
  weights,
  whole,
} from '../support/onnx-models.ts';
import {
  close,
  expectedMaps,
  expectTiny,
  externalModel,
  kernel,
  lookAt,
  opened,
  SIZE,
  scaled,
} from '../support/trunks.ts';

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

test('names that every object of JavaScript knows', async () => {
  const bytes = tinyModel({
    tail: [
      node('Mul', ['flat', 'constructor'], ['toString']),
      node('Identity', ['toString'], ['__proto__']),
    ],
    tailWeights: [weights('constructor', [1], [1])],
  });
  await expectTiny(await opened(bytes));
});
