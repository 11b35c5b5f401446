// The error for weights that are of another network than the chosen one: of which, what differs, and what
// to choose instead.

import { fail } from '../core/errors.ts';
import { type Backbone, SECOND_BACKBONE } from '../nn/backbones/backbone.ts';
import { backbones } from '../nn/backbones/table.ts';
import { compareWith, type Fit, isWhole } from './fit.ts';
import { unfoldNorms } from './folded-norms.ts';
import { askedBelow, BACKBONE, networkParameters } from './network-parameters.ts';
import { relativeOf } from './relatives.ts';
import type { LoadedWeights } from './weights.ts';

/** The backbone whose network a file holds, whole and without another's layers, if it is one of ours. */
export function identify(weights: Pick<LoadedWeights, 'tensors' | 'unread'>): Backbone | undefined {
  return backbones.find((backbone) => {
    const parameters = networkParameters(backbone, 1);
    const tensors = unfoldNorms(parameters, weights.tensors, BACKBONE, backbone.normEpsilon);
    const asked = askedBelow(parameters, BACKBONE);
    return isWhole(compareWith(asked, { ...weights, tensors }, backbone));
  });
}

/** FM_WEIGHTS. `root`: where the network is in the tree of parameters. */
export function misfit(weights: LoadedWeights, backbone: Backbone, fit: Fit, root = BACKBONE) {
  const expected = `weights of ${backbone.name}`;
  const { missing, differing, unreadable, surplus, naming } = fit;
  if (unreadable.length > 0 && missing.length + differing.length + surplus.length === 0) {
    return fail('FM_WEIGHTS', weights.path, {
      expected: `${expected} in floating point`,
      got: list(unreadable, 'of other types')!,
      next: 'Save the network in float32, as it was before it was quantised.',
    });
  }
  const owner = identify(weights);
  const relative = owner === undefined ? relativeOf(weights.tensors) : undefined;
  const whose = owner?.name ?? relative;
  const differences = [
    naming.hits === 0 ? strangers(weights) : list(missing, 'missing'),
    list(differing, 'of another shape'),
    list(unreadable, 'of types that are not read'),
    list(surplus, `more than ${backbone.name} has`),
  ].filter((line) => line !== undefined);
  return fail('FM_WEIGHTS', weights.path, {
    expected,
    got: `${whose === undefined ? '' : `those of ${whose}: `}${differences.join('; ')}`,
    next: nextStep(weights.path, owner, relative, root),
  });
}

/** Of a file that has nothing of what is asked for. */
function strangers({ tensors }: LoadedWeights): string {
  return list([...tensors.keys()], 'tensors of other names') ?? 'no tensors';
}

function nextStep(
  path: string,
  owner: Backbone | undefined,
  relative: string | undefined,
  root: string,
): string {
  const option = root === SECOND_BACKBONE ? '--set options.second=' : '--backbone ';
  if (owner !== undefined) return `Choose ${option}${owner.name}, or other weights.`;
  if (/\.onnx$/.test(path)) {
    return (
      'Choose their backbone with --backbone, or export them under their names ' +
      '(docs/weights.md); or use the file as it is: --backbone onnx:FILE.'
    );
  }
  const whole = 'export the network to ONNX and take it whole, with --backbone onnx:FILE';
  return relative === undefined
    ? `They fit none of the networks that 'fieldmark backbones' lists: take others, or ${whole}.`
    : `There is no such network here: take other weights, or ${whole}.`;
}

function list(items: readonly string[], label: string): string | undefined {
  if (items.length === 0) return undefined;
  const some = items.slice(0, 4).map((item) => item.slice(0, 200));
  return `${items.length} ${label}: ${some.join(', ')}${items.length > 4 ? ', ...' : ''}`;
}
