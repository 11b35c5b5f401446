// What turns photographs into descriptors for search: a trained model, or a frozen network with SCDA.

import { createHash } from 'node:crypto';
import type { EvaluationGeometry } from '../data/image/preprocess.ts';
import { lower } from '../graph/lower.ts';
import { concat } from '../graph/ops/slice.ts';
import type { Value } from '../graph/value.ts';
import { fillFromWeights } from '../hub/fill.ts';
import { resolveWeights } from '../hub/resolve-weights.ts';
import { loadWeights } from '../hub/weights.ts';
import { findBackbone } from '../nn/backbones/table.ts';
import { imageInput, normaliseImage } from '../nn/image-input.ts';
import { mirrored, scdaDescriptor } from '../nn/scda.ts';
import { type ParameterStore, Parameters } from '../nn/scope.ts';
import { foldConstants } from '../runtime/fold.ts';
import { createSession, engineVersion } from '../runtime/node.ts';
import type { Session } from '../runtime/session.ts';
import { sharedSession } from '../runtime/shared-session.ts';
import type { IndexedModel } from '../search/index-about.ts';
import { loadRecogniser } from './load-recogniser.ts';

/** A loaded network. Close it when it is no longer needed. */
export interface Describer {
  readonly model: IndexedModel;
  readonly geometry: EvaluationGeometry;
  /** Its output `embedding` is the descriptor of one photograph. */
  readonly session: Session;
  /** Everything, beside the photograph, that the last bits of a descriptor depend on. */
  readonly key: string;
  close(): Promise<void>;
}

export interface DescriberOptions {
  /** Threads of the engine. Default: all processors. */
  readonly threads?: number;
}

/** Describes by the embedding of a trained model: a run folder, or its model folder. */
export async function runDescriber(
  folder: string,
  { threads }: DescriberOptions = {},
): Promise<Describer> {
  const recogniser = await loadRecogniser(folder, { threads });
  const { sha256 } = recogniser.manifest;
  const model: IndexedModel = { kind: 'run', path: folder, sha256 };
  return describer(model, recogniser.geometry, recogniser.session, sha256, threads);
}

/** What a frozen network is made of. */
export interface FrozenNetwork {
  /** Name of the network. */
  readonly backbone: string;
  /** A weights file, or a name that leads to one. */
  readonly weights: string;
  /** Side of the square that the network sees, pixels. The whole photograph is squashed to it. */
  readonly size: number;
  /** 2: SCDA+. */
  readonly layers: 1 | 2;
  /** The mirror image's descriptor as well. */
  readonly flip: boolean;
}

/** Describes by SCDA on a network that stays as its weights are. */
export async function frozenDescriber(
  network: FrozenNetwork,
  { threads }: DescriberOptions = {},
): Promise<Describer> {
  const { backbone: name, weights: source, size, layers, flip } = network;
  const backbone = findBackbone(name);
  const found = await resolveWeights(source);
  const path = found?.path ?? source;
  const weights = await loadWeights(path, found);
  const { input, padding } = weights.description;
  const parameters = new Parameters();
  const image = imageInput(1, size);
  const describe = (view: Value): Value => {
    const build = { norms: 'frozen', padding, pooling: 'average' } as const;
    const scope = parameters.root().child('backbone');
    const features = backbone.features(scope, normaliseImage(view, input), build);
    return scdaDescriptor(features, { layers }).descriptor;
  };
  const views = flip ? [image, mirrored(image)] : [image];
  const embedding = concat(views.map(describe), 1);
  const store: ParameterStore = new Map();
  fillFromWeights(parameters, store, weights, { backbone, classes: [] });
  const constants = (name: string) => store.get(name);
  const known = await foldConstants([embedding], constants);
  const { bytes } = lower({ embedding }, { constants, known });
  const session = sharedSession(await createSession(bytes, { threads }), 'describer');
  const sha256 = weights.hash;
  const model: IndexedModel = { kind: 'weights', path, sha256, backbone: name, size, layers, flip };
  const graph = createHash('sha256').update(bytes).digest('hex');
  return describer(model, { size, mode: 'squash' }, session, graph, threads);
}

function describer(
  model: IndexedModel,
  geometry: EvaluationGeometry,
  session: Session,
  graph: string,
  threads = 0,
): Describer {
  const key = JSON.stringify({ graph, geometry, threads, engineVersion });
  return { model, geometry, session, key, close: () => session.close() };
}

/** Loads the model that an index was built with, from where it lay then. */
export async function describerOf(
  model: IndexedModel,
  options: DescriberOptions = {},
): Promise<Describer> {
  if (model.kind === 'run') return await runDescriber(model.path, options);
  return await frozenDescriber({ ...model, weights: model.path }, options);
}
