// The numbers that a run starts from: found by name, fetched if need be, read, and told about.

import { FieldmarkError, fail } from '../core/errors.ts';
import type { InputOptions } from '../hub/input-options.ts';
import { defaultWeights, isArchitecture } from '../hub/known-weights.ts';
import { resolveWeights } from '../hub/resolve-weights.ts';
import type { ResolvedWeights } from '../hub/resolved-weights.ts';
import { type LoadedWeights, loadWeights } from '../hub/weights.ts';
import type { RunConfig } from './config.ts';
import type { Emit } from './events.ts';

/** Which numbers, for which network. */
export type StartOptions = Pick<RunConfig, 'weights' | 'backbone' | 'offline' | 'input'>;

/** Reads the weights that the configuration names; undefined where it starts from random numbers. */
export async function startWeights(
  { weights: name, backbone, offline, input }: StartOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<LoadedWeights | undefined> {
  const { note, progress } = emit;
  const resolved = await resolveWeights(name, { offline, signal, note, progress }).catch(
    (cause) => {
      throw withWayOut(cause);
    },
  );
  if (resolved === undefined) {
    note(`weights none: the network starts from random numbers; ${adviceFor(backbone)}`);
    return undefined;
  }
  const found = await loadWeights(resolved.path, describedFor(resolved, backbone));
  const weights = withInput(found, input);
  note(`weights ${resolved.name}: input described by ${weights.describedBy}`);
  note(`weights: SHA-256 ${weights.hash}, licence ${weights.description.licence ?? 'unknown'}`);
  if (weights.taken !== undefined) note(`weights: ${weights.taken}`);
  const { architecture } = resolved;
  if (architecture !== undefined && !isArchitecture(architecture, backbone)) {
    note(`weights: they are of timm's network '${architecture}', which may not be ${backbone}`);
  }
  return weights;
}

/** Weights that cannot be had are no reason to stop: a file does as well. */
function withWayOut(cause: unknown): unknown {
  if (!(cause instanceof FieldmarkError) || cause.code !== 'FM_DOWNLOAD') return cause;
  const { where, expected, got, next } = cause;
  const ways =
    'Or name a file with --weights FILE, or start from random numbers with --weights none.';
  return fail('FM_DOWNLOAD', where, { expected, got, next: `${next} ${ways}`, cause });
}

/** What a person says of the input wins over everything else. */
function withInput(weights: LoadedWeights, { mean, std, padding }: InputOptions): LoadedWeights {
  if ((mean === undefined) !== (std === undefined)) {
    throw fail('FM_CONFIG', 'input', {
      expected: 'mean and std together, or neither',
      got: `only ${mean === undefined ? 'std' : 'mean'}`,
      next: 'Give both --mean and --std.',
    });
  }
  if (mean === undefined && padding === undefined) return weights;
  const { description, describedBy } = weights;
  const scale = mean === undefined ? {} : { mean, std: std! };
  const changed = {
    ...description,
    input: { ...description.input, ...scale },
    padding: padding ?? description.padding,
  };
  return { ...weights, description: changed, describedBy: `the configuration, and ${describedBy}` };
}

/** A file that says nothing is taken for one of the kind that is published for its network. */
function describedFor(resolved: ResolvedWeights, backbone: string): ResolvedWeights {
  const known = defaultWeights(backbone);
  if (resolved.description?.input !== undefined || known === undefined) return resolved;
  const { input, padding } = known;
  return {
    ...resolved,
    description: { ...resolved.description, input, padding },
    describedBy: `nothing in the file: the input of ${known.source} is assumed`,
  };
}

function adviceFor(backbone: string): string {
  const known = defaultWeights(backbone);
  return known === undefined
    ? `no weights of ${backbone} are known, --weights FILE starts it from a file`
    : `--weights ${known.name} starts it from trained ones`;
}
