// The second backbone of methods that look at an image with two: which one, and what it starts from.

import { fail } from '../core/errors.ts';
import { fillFromWeights, loadingNotes } from '../hub/fill.ts';
import { defaultWeights } from '../hub/known-weights.ts';
import type { LoadedWeights } from '../hub/weights.ts';
import { torchvisionDescription } from '../hub/weights-description.ts';
import type { SecondNetwork, WishedSecond } from '../methods/method.ts';
import { SECOND_BACKBONE } from '../nn/backbones/backbone.ts';
import { findBackbone } from '../nn/backbones/table.ts';
import type { ParameterStore, Parameters } from '../nn/scope.ts';
import type { RunConfig } from './config.ts';
import type { Emit } from './events.ts';
import { startWeights } from './start-weights.ts';

/** A second network, and its weights; without any it starts from random numbers. */
export interface LoadedSecond {
  readonly network: SecondNetwork;
  readonly weights: LoadedWeights | undefined;
}

interface LoadOptions {
  /** Whether the first network is. */
  readonly pretrained: boolean;
  readonly config: Pick<RunConfig, 'offline'>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * The second network that a method's options ask for. FM_CONFIG where one of the two has weights and
 * the other has none: there is no stage that would suit both.
 */
export async function loadSecond(
  { backbone, weights: wished }: WishedSecond,
  { pretrained, config: { offline }, emit, signal }: LoadOptions,
): Promise<LoadedSecond> {
  const network = findBackbone(backbone);
  const known = pretrained ? defaultWeights(backbone)?.name : undefined;
  const name = wished ?? known ?? 'none';
  if (pretrained !== (name !== 'none')) {
    throw fail('FM_CONFIG', 'options.secondWeights', {
      expected: pretrained
        ? `weights of ${backbone}, as the first network has some`
        : "'none', like weights",
      got: `'${name}'`,
      next: 'Give weights for both networks or for neither.',
    });
  }
  const asked = { weights: name, backbone, offline, input: {} };
  const weights = pretrained ? await startWeights(asked, emit, signal) : undefined;
  const { input, padding } = weights?.description ?? torchvisionDescription;
  return { network: { backbone: network, pixels: input, padding }, weights };
}

/** Fills the second network's parameters from its weights, and tells what was loaded. */
export function fillSecond(
  parameters: Parameters,
  store: ParameterStore,
  second: LoadedSecond | undefined,
): string[] {
  if (second?.weights === undefined) return [];
  const { network, weights } = second;
  const destination = { backbone: network.backbone, classes: [], root: SECOND_BACKBONE };
  return loadingNotes(fillFromWeights(parameters, store, weights, destination));
}
