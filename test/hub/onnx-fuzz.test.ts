// Damaged ONNX files, as trunks and as weights: whatever is wrong with their bytes, the answer is
// an error of ours or a network, and never a crash.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldmarkError } from '../../src/core/errors.ts';
import { openTrunk } from '../../src/hub/onnx-trunk.ts';
import { readOnnxTensors } from '../../src/hub/onnx-weights.ts';
import { temporaryFolder } from '../support/files.ts';
import { graph, node, tinyModel, valueInfo, weights, whole } from '../support/onnx-models.ts';

/** A model with bodies, whole numbers and metadata. */
function sample(): Uint8Array {
  const body = (op: string) =>
    graph({ nodes: [node(op, ['flat', 'w'], ['in'])], outputs: [valueInfo('in', undefined)] });
  const yes = Object.assign(weights('yes', []), { dataType: 9, rawData: Uint8Array.of(1) });
  return tinyModel({
    opset: 18,
    metadata: { mean: '0.5, 0.5, 0.5', std: '[1, 1, 1]' },
    tail: [
      node('Reshape', ['active', 'rows'], ['planes']),
      node('Transpose', ['planes'], ['tokens'], { perm: [0, 2, 1] }),
      node('If', ['yes'], ['chosen'], { then_branch: body('Mul'), else_branch: body('Add') }),
    ],
    tailWeights: [whole('rows', [0, 6, 16]), weights('w', [1], [3]), yes],
  });
}

const model = sample();
const spot = fc.nat({ max: model.length - 1 });
const flipped = fc
  .array(fc.tuple(spot, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
  .map((changes) => {
    const bytes = model.slice();
    for (const [at, mask] of changes) bytes[at] ^= mask;
    return bytes;
  });
const cut = spot.map((length) => model.slice(0, length));
const torn = fc
  .tuple(spot, fc.integer({ min: 1, max: 40 }))
  .map(([at, count]) => Uint8Array.from([...model.slice(0, at), ...model.slice(at + count)]));

test('bytes that are flipped, cut off or torn out', async () => {
  const path = join(await temporaryFolder(), 'net.onnx');
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.oneof(flipped, cut, torn), async (bytes) => {
      await writeFile(path, bytes);
      for (const open of [() => openTrunk(path, 16), () => readOnnxTensors(path)]) {
        const outcome = await open().then(
          () => 'fine',
          (cause: unknown) => cause,
        );
        if (outcome !== 'fine') expect(outcome).toBeInstanceOf(FieldmarkError);
        outcomes.add(outcome instanceof FieldmarkError ? outcome.code : 'fine');
      }
    }),
    { numRuns: 300 },
  );
  // all ends are reached: the bytes themselves, the engine, and damage that does not matter
  expect([...outcomes].sort()).toEqual(['FM_FORMAT', 'FM_TRUNK', 'fine']);
});

test('bodies within bodies without end', async () => {
  let inner = graph({ nodes: [node('Relu', ['flat'], ['x'])], outputs: [] });
  for (let depth = 0; depth < 400; depth++) {
    inner = graph({ nodes: [node('If', ['yes'], ['x'], { then_branch: inner })], outputs: [] });
  }
  const bytes = tinyModel({ tail: [node('If', ['yes'], ['x'], { then_branch: inner })] });
  const path = join(await temporaryFolder({ 'net.onnx': bytes }), 'net.onnx');
  await expect(openTrunk(path, 16)).rejects.toBeInstanceOf(FieldmarkError);
});
