// The network of a finished run as a weights file would hold it.

import { fail } from '../core/errors.ts';
import { sameShape } from '../core/shape.ts';
import type { HostTensor } from '../core/tensor.ts';
import { fillFromWeights } from '../hub/fill.ts';
import { networkParameters } from '../hub/network-parameters.ts';
import type { LoadedWeights } from '../hub/weights.ts';
import { torchvisionDescription, type WeightsDescription } from '../hub/weights-description.ts';
import { findBackbone } from '../nn/backbones/table.ts';
import { initialise, type ParameterStore } from '../nn/scope.ts';
import { readManifest } from '../recognise/open-model.ts';
import { loadCheckpoint } from './checkpoint.ts';
import { emitter } from './events.ts';
import { readRunConfig, runPaths } from './run-folder.ts';
import { startWeights } from './start-weights.ts';

/**
 * Parameters of a run's network by torchvision's names, with its classifier where that is one linear
 * layer on the network's features, and a description. Needs the weights that the run started from.
 */
export async function weightsOfRun(folder: string): Promise<LoadedWeights> {
  const paths = runPaths(folder);
  const config = await readRunConfig(folder);
  const manifest = await readManifest(paths.model); // an unfinished run has none
  const checkpoint = await loadCheckpoint(paths.checkpoint);
  if (checkpoint === undefined) {
    throw fail('FM_RUN', folder, {
      expected: "the run's checkpoint, which holds what was trained",
      got: 'none',
      next: 'Put checkpoint/ back beside config.json, or train again.',
    });
  }
  const backbone = findBackbone(config.backbone);
  const parameters = networkParameters(backbone, manifest.classes.length);
  const store: ParameterStore = new Map();
  const start = await startWeights(
    config,
    emitter(() => {}),
    new AbortController().signal,
  );
  if (start !== undefined) {
    mustBe(config.weights, start.hash, manifest.weights.sha256);
    fillFromWeights(parameters, store, start, { backbone, classes: manifest.classes });
  }
  for (const [path, tensor] of checkpoint.parameters) store.set(path, tensor);
  initialise(parameters, store, config.seed);
  const tensors = new Map<string, HostTensor>();
  for (const { path, shape } of parameters.specs.values()) {
    const [root, ...rest] = path.split('.');
    const name = root === 'backbone' ? rest.join('.') : `${backbone.headPath}.${rest.join('.')}`;
    // a method may have another kind of head
    if (sameShape(store.get(path)!.shape, shape)) tensors.set(name, store.get(path)!);
  }
  const ownHead = tensors.has(`${backbone.headPath}.weight`);
  const { input, padding, norms } = start?.description ?? torchvisionDescription;
  const description: WeightsDescription = {
    backbone: backbone.name,
    input: { ...input, size: config.size },
    padding,
    norms,
    classes: ownHead ? manifest.classes : undefined,
    licence: manifest.licences.join('; ') || undefined,
    source: `trained with fieldmark on ${manifest.trained.dataset}, from ${manifest.weights.source}`,
  };
  const hash = manifest.sha256;
  return { path: folder, hash, tensors, description, describedBy: 'the run' };
}

function mustBe(path: string, hash: string, expected: string | undefined): void {
  if (expected === undefined || hash === expected) return;
  throw fail('FM_WEIGHTS', path, {
    expected: `the weights that the run started from (SHA-256 ${expected.slice(0, 12)}...)`,
    got: `others (${hash.slice(0, 12)}...)`,
    next: 'Put the file back that the run was started with.',
  });
}
