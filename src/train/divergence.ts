// Training whose numbers are no longer numbers: what is said of it, and which epoch is kept.

import { fail } from '../core/errors.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { Divergence } from './events.ts';
import type { Phase } from './phase.ts';

/** Thrown where a number is not finite; whoever holds the numbers of an epoch before decides. */
export class Diverged extends Error {
  /** 1-based epoch. */
  readonly epoch: number;
  /** `the loss of step 13 is NaN` */
  readonly what: string;

  constructor(epoch: number, what: string) {
    super(what);
    this.epoch = epoch;
    this.what = what;
  }
}

/** Throws `Diverged` where one of the named numbers is not finite. */
export function mustBeFinite(epoch: number, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isFinite(value)) throw new Diverged(epoch, `${name} is ${value}`);
  }
}

/** Throws `Diverged` where a tensor holds a number that is not finite. */
export function mustHoldNumbers(epoch: number, tensors: ReadonlyMap<string, HostTensor>): void {
  for (const [path, { data }] of tensors) {
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(Number(data[i]))) {
        throw new Diverged(epoch, `a number of '${path}' is ${data[i]}`);
      }
    }
  }
}

/** What is known of a phase that goes on with the network of epoch `kept`. */
export function divergenceOf(phase: Phase, { epoch, what }: Diverged, kept: number): Divergence {
  const { stage, refit } = phase;
  const text =
    `stage '${stage.name}' diverged in epoch ${epoch}: ${what}. ` +
    `The network of epoch ${kept} is kept. ${adviceFor(phase)}`;
  return { stage: stage.name, refit, epoch, kept, text };
}

/** The error for a phase that has no epoch to fall back on. */
export function nothingToKeep(phase: Phase, { epoch, what }: Diverged) {
  return fail('FM_TRAINING', `stage '${phase.stage.name}', epoch ${epoch}`, {
    expected: 'finite numbers',
    got: what,
    next: adviceFor(phase),
  });
}

function adviceFor({ stage: { name }, settings: { rate, clip } }: Phase): string {
  const clipped = clip > 0 ? `clip gradients harder (now ${clip})` : 'clip gradients';
  return (
    `Start a new run with a lower rate (stages.${name}.rate, now ${rate}), ` +
    `or ${clipped} (stages.${name}.clip=1).`
  );
}
