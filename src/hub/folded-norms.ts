// Weights whose norms were folded into the convolutions before them, which have a bias since.

import { showShape, sizeOf } from '../core/shape.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import type { ParameterSpec, Parameters } from '../nn/scope.ts';

/**
 * The tensors, with norms that are the identity but for their shift in place of such biases. A
 * convolution of the network without a bias, which has one in the file, gives it to the norm whose
 * parameters come next, if the file has none of them. `epsilon` is that of the network's norms.
 */
export function unfoldNorms(
  parameters: Parameters,
  tensors: ReadonlyMap<string, HostTensor>,
  prefix: string,
  epsilon = 1e-5,
): ReadonlyMap<string, HostTensor> {
  const specs = [...parameters.specs.values()].filter(({ path }) => path.startsWith(`${prefix}.`));
  const nameOf = ({ path }: ParameterSpec) => path.slice(prefix.length + 1);
  const wanted = new Set(specs.map(nameOf));
  const filled = new Map(tensors);
  for (const [i, spec] of specs.entries()) {
    const bias = nameOf(spec).replace(/\.weight$/, '.bias');
    const shift = tensors.get(bias);
    const norm = specs.slice(i + 1, i + 5);
    const channels = spec.shape[0];
    const isFolded =
      spec.role === 'weight' &&
      shift?.dtype === 'float32' &&
      showShape(shift.shape) === showShape([channels]) &&
      !wanted.has(bias) &&
      norm.map(({ role }) => role).join() === 'normScale,normShift,statistic,statistic' &&
      norm.every((part) => !tensors.has(nameOf(part)) && sizeOf(part.shape) === channels);
    if (!isFolded) continue;
    const all = (value: number) => float32([channels], new Float32Array(channels).fill(value));
    const parts = [all(1), shift, all(0), all(1 - epsilon)];
    for (const [k, part] of norm.entries()) filled.set(nameOf(part), parts[k]);
    filled.delete(bias);
  }
  return filled;
}
