// The second backbone of methods that look at an image with two: which one, and what it starts from.

import { fail } from '../core/errors.ts';
import { fillFromWeights, loadingNotes } from '../hub/fill.ts';
import { type LoadedWeights, loadWeights, torchvisionDescription } from '../hub/weights.ts';
import type { Method, SecondNetwork } from '../methods/method.ts';
import { SECOND_BACKBONE } from '../nn/backbones/backbone.ts';
import { findBackbone } from '../nn/backbones/table.ts';
import type { ParameterStore, Parameters } from '../nn/scope.ts';
import type { Emit } from './events.ts';

/** A second network, and its weights; without any it starts from random numbers. */
export interface LoadedSecond {
  readonly network: SecondNetwork;
  readonly weights: LoadedWeights | undefined;
}

/**
 * The second network that a method's options ask for; undefined for methods with one. FM_CONFIG
 * where one of the two has weights and the other has none: there is no stage that would suit both.
 */
export async function loadSecond(
  method: Method,
  options: unknown,
  first: LoadedWeights | undefined,
  emit: Emit,
): Promise<LoadedSecond | undefined> {
  const wished = method.second?.(options);
  if (wished === undefined) return undefined;
  if ((first === undefined) !== (wished.weights === 'none')) {
    throw fail('FM_CONFIG', 'options.secondWeights', {
      expected: first === undefined ? "'none', like weights" : 'a weights file, like weights',
      got: `'${wished.weights}'`,
      next: 'Give weights for both networks or for neither.',
    });
  }
  const weights = first === undefined ? undefined : await loadWeights(wished.weights);
  if (weights !== undefined) {
    emit.note(`weights ${wished.weights}: input described by ${weights.describedBy}`);
  }
  const { input, padding } = weights?.description ?? torchvisionDescription;
  return { network: { backbone: findBackbone(wished.backbone), pixels: input, padding }, weights };
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
