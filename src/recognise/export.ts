// Writes a recogniser down as model.onnx and fieldmark.json, and checks that the file answers
// as the network does.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { hostTensor } from '../core/tensor.ts';
import { writeAtomic } from '../formats/atomic-file.ts';
import { lower } from '../graph/lower.ts';
import { takesAnyBatch } from '../graph/ops/embed.ts';
import type { Value } from '../graph/value.ts';
import { IMAGE_INPUT } from '../nn/image-input.ts';
import { cellGrid } from '../nn/receptive-field.ts';
import type { ParameterNumbers } from '../nn/scope.ts';
import { foldConstants } from '../runtime/fold.ts';
import { createSession } from '../runtime/node.ts';
import { goldenImage, MANIFEST_FILE, type Manifest, MODEL_FILE } from './manifest.ts';
import type { RecogniserOutputs } from './recogniser-graph.ts';

/** Largest difference of a logit between network and file, relative to the largest logit. */
const PARITY = 1e-4;

/**
 * The model's bytes, with everything constant folded and the batch left free, unless it holds a
 * foreign graph that takes one image at a time.
 */
export async function lowerRecogniser(
  outputs: Readonly<Record<string, Value>>,
  store: ParameterNumbers,
): Promise<Uint8Array> {
  const constants = (path: string) => store.get(path);
  const known = await foldConstants(Object.values(outputs), constants);
  const freeBatch = takesAnyBatch(Object.values(outputs)) ? 'batch' : undefined;
  return lower(outputs, { constants, known, freeBatch, ownWeights: true }).bytes;
}

/** Writes the model and its manifest into a folder. */
export async function exportRecogniser(
  folder: string,
  outputs: RecogniserOutputs,
  store: ParameterNumbers,
  about: Omit<Manifest, 'version' | 'descriptorGrid' | 'sha256' | 'golden'>,
): Promise<Manifest> {
  const bytes = await lowerRecogniser(outputs, store);
  const plain = lower({ logits: outputs.logits }, { constants: (path) => store.get(path) }).bytes;
  const { size } = about.input;
  const logits = await goldenLogits(bytes, size);
  checkParity(await goldenLogits(plain, size), logits, folder);
  const manifest: Manifest = {
    version: 1,
    ...about,
    ...('descriptors' in outputs ? { descriptorGrid: cellGrid(outputs.descriptors, size) } : {}),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    golden: { logits: Array.from(logits) },
  };
  await writeAtomic(join(folder, MODEL_FILE), bytes);
  await writeAtomic(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

async function goldenLogits(bytes: Uint8Array, size: number): Promise<Float32Array> {
  const session = await createSession(bytes);
  const image = hostTensor('uint8', [1, size, size, 3], goldenImage(size));
  const { logits } = await session.run({ [IMAGE_INPUT]: image });
  await session.close();
  return logits.data as Float32Array;
}

function checkParity(expected: Float32Array, got: Float32Array, folder: string): void {
  const scale = expected.reduce((a, v) => Math.max(a, Math.abs(v)), 1e-3);
  const worst = expected.reduce((a, v, i) => Math.max(a, Math.abs(v - got[i])), 0);
  if (worst <= PARITY * scale) return;
  throw fail('FM_RUNTIME', folder, {
    expected: `the exported model to answer within ${PARITY} of the network`,
    got: `a difference of ${worst / scale}`,
    next: 'This is a defect of fieldmark: please report it with the run folder.',
  });
}
