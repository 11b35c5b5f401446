// Contestants in alternating rounds: all are built first, then each does one repetition a round.
// Only one computes at a time.

import { Contestant, type ContestantOptions, type Launch } from './contestant.ts';

/** What a contestant did, or why it did not. */
export type Outcome<Name extends string = string> = {
  readonly name: Name;
  readonly createMs?: number;
} & (
  | { readonly failure: string }
  | {
      /** Milliseconds of every counted round. */
      readonly times: readonly number[];
      /** Largest resident memory in MB. */
      readonly peakMb: number;
    }
);

export interface RoundsOptions extends ContestantOptions {
  readonly rounds: number;
  /** Rounds before those that count. Default: 2. */
  readonly warmUp?: number;
  /** Awaited before each repetition: time for the threads of the one before to stop spinning. */
  readonly settle?: () => Promise<void>;
  /** Called with what happens next and with how much of the row is done, 0 to 1. */
  readonly onProgress?: (what: string, share: number) => void;
}

interface Runner<Name> {
  readonly name: Name;
  readonly times: number[];
  contestant?: Contestant;
  peakMb: number;
  failure?: string;
}

/** Runs the rounds. A contestant that fails drops out, the others go on. */
export async function compete<Name extends string>(
  launches: ReadonlyMap<Name, Launch>,
  options: RoundsOptions,
): Promise<Outcome<Name>[]> {
  const { rounds, warmUp = 2, settle = async () => {}, onProgress = () => {} } = options;
  const runners = [...launches.keys()].map(
    (name): Runner<Name> => ({ name, times: [], peakMb: 0 }),
  );
  const steps = rounds + warmUp + 1;
  try {
    for (const runner of runners) {
      onProgress(`starts ${runner.name}`, 0);
      await attempt(runner, async () => {
        runner.contestant = await Contestant.start(launches.get(runner.name)!, options);
      });
    }
    for (let round = 0; round < rounds + warmUp; round++) {
      const counted = round - warmUp + 1;
      onProgress(counted > 0 ? `round ${counted} of ${rounds}` : 'warms up', (round + 1) / steps);
      // who goes first changes, so that a drift of the machine favours nobody
      for (const runner of round % 2 === 0 ? runners : runners.toReversed()) {
        if (runner.failure !== undefined) continue;
        await settle();
        await attempt(runner, async () => {
          const { ms, peakMb } = await runner.contestant!.go();
          if (!(ms > 0)) throw new Error(`expected milliseconds, got ${ms}`);
          if (counted > 0) runner.times.push(ms);
          runner.peakMb = peakMb;
        });
      }
    }
  } finally {
    await Promise.all(runners.map(({ contestant }) => contestant?.close()));
  }
  return runners.map(({ name, contestant, times, peakMb, failure }) => {
    const createMs = contestant?.ready.createMs;
    return failure === undefined ? { name, createMs, times, peakMb } : { name, createMs, failure };
  });
}

async function attempt(runner: Runner<string>, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    runner.failure = error instanceof Error ? error.message : String(error);
    await runner.contestant?.close(); // its memory is free for the others
  }
}
