// Training whose numbers are no longer numbers: what is said of it, and which epoch is kept.

import { fail } from '../core/errors.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { Part } from './part.ts';

/** A part that diverged, and ended with the network of an epoch before. Plain data. */
export interface Divergence {
  readonly stage: string;
  readonly refit: boolean;
  /** 1-based: in which it diverged. */
  readonly epoch: number;
  /** Of the epoch whose network is kept. */
  readonly kept: number;
  /** All of it in a sentence or two, with what to change. */
  readonly text: string;
}

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

/** What is known of a part that goes on with the network of epoch `kept`. */
export function divergenceOf(part: Part, { epoch, what }: Diverged, kept: number): Divergence {
  const { stage, refit } = part;
  const text =
    `stage '${stage.name}' diverged in epoch ${epoch}: ${what}. ` +
    `The network of epoch ${kept} is kept. ${adviceFor(part)}`;
  return { stage: stage.name, refit, epoch, kept, text };
}

/** The error for a part that has no epoch to fall back on. */
export function nothingToKeep(part: Part, { epoch, what }: Diverged) {
  return fail('FM_TRAINING', `stage '${part.stage.name}', epoch ${epoch}`, {
    expected: 'finite numbers',
    got: what,
    next: adviceFor(part),
  });
}

function adviceFor({ stage: { name }, settings: { rate, clip } }: Part): string {
  const clipped = clip > 0 ? `clip gradients harder (now ${clip})` : 'clip gradients';
  return (
    `Start a new run with a lower rate (stages.${name}.rate, now ${rate}), ` +
    `or ${clipped} (stages.${name}.clip=1).`
  );
}
