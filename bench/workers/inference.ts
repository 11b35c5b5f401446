// A network that answers, loaded from a file. ONNX Runtime chooses layouts by itself: the weights
// are constants.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IMAGE_INPUT } from '../../src/nn/image-input.ts';
import { createSession } from '../../src/runtime/node.ts';
import type { InferWork, Setting } from '../support/job.ts';
import { randomImages } from '../support/network.ts';
import { type Prepared, timed } from '../support/serve.ts';

/** One call is one batch. */
export async function prepareInference(job: InferWork & Setting): Promise<Prepared> {
  const { net, batch, size, threads, calls } = job;
  const folder = await mkdtemp(join(tmpdir(), 'fieldmark-bench-'));
  try {
    const file = join(folder, 'model.onnx');
    const writer = join(import.meta.dirname, 'write-model.ts');
    const argv = ['--import', 'tsx', writer, net, String(size), file];
    await promisify(execFile)(process.execPath, argv);
    const began = performance.now();
    const session = await createSession(file, { threads });
    const createMs = performance.now() - began;
    const feeds = { [IMAGE_INPUT]: randomImages(batch, size) };
    return {
      createMs,
      repeat: () => timed(() => session.run(feeds), calls),
      close: () => session.close(),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
