// From what the contestants of a row did to the numbers that are shown.

import type { ContestantName, Row } from '../rows.ts';
import type { Outcome } from './rounds.ts';
import { median, pairedRatio, type Ratio } from './statistics.ts';

/** One number a contestant, where there is one. */
export type Numbers = Partial<Record<ContestantName, number>>;

/** All ratios are PyTorch's over ours: above 1 ours is faster, or smaller. */
export interface RowResult {
  readonly name: string;
  readonly kind: string;
  /** What the milliseconds are for. */
  readonly unit: string;
  /** The contestant that stands for us: blocked where it ran, else portable. */
  readonly ours: 'portable' | 'blocked' | null;
  /** Median of the rounds' ratios of PyTorch's default to `ours`. */
  readonly ratio: number | null;
  /** 90 % interval of `ratio`. */
  readonly interval: readonly [number, number] | null;
  readonly ratioPortable: number | null;
  /** PyTorch's channels_last to `ours`. */
  readonly ratioChannelsLast: number | null;
  /** Medians in milliseconds a unit. */
  readonly ms: Numbers;
  /** Photographs a second, in rows on photographs. */
  readonly perSecond?: Numbers;
  readonly peakMb: Numbers;
  readonly memoryRatio: number | null;
  /** Milliseconds to create our sessions. */
  readonly createMs: Numbers;
  /** Milliseconds of every round. */
  readonly rounds: Partial<Record<ContestantName, readonly number[]>>;
  /** Contestants that did not take part. */
  readonly absent: Partial<Record<ContestantName, string>>;
  /** Contestants that failed. */
  readonly failures: Partial<Record<ContestantName, string>>;
  /** Processors that other work kept busy meanwhile. */
  readonly busy: number;
}

/** Sums up a row. */
export function resultOf(
  row: Row,
  outcomes: readonly Outcome<ContestantName>[],
  { absent, busy }: Pick<RowResult, 'absent' | 'busy'>,
): RowResult {
  const ms: Numbers = {};
  const peakMb: Numbers = {};
  const createMs: Numbers = {};
  const rounds: Partial<Record<ContestantName, readonly number[]>> = {};
  const failures: Partial<Record<ContestantName, string>> = {};
  for (const outcome of outcomes) {
    const { name } = outcome;
    if (outcome.createMs !== undefined) createMs[name] = rounded(outcome.createMs);
    if ('failure' in outcome) {
      failures[name] = outcome.failure;
      continue;
    }
    ms[name] = rounded(median(outcome.times));
    peakMb[name] = rounded(outcome.peakMb);
    rounds[name] = outcome.times.map(rounded);
  }
  const ours = rounds.blocked ? 'blocked' : rounds.portable ? 'portable' : null;
  const compare = (theirs: ContestantName, mine: ContestantName | null): Ratio | undefined => {
    const [a, b] = [rounds[theirs], mine === null ? undefined : rounds[mine]];
    return a && b && pairedRatio(a, b);
  };
  const main = compare('torch', ours);
  const memory = ours === null ? undefined : peakMb.torch! / peakMb[ours]!;
  return {
    name: row.name,
    kind: row.work.kind,
    unit: row.unit,
    ours,
    ratio: main ? rounded(main.ratio) : null,
    interval: main ? [rounded(main.interval[0]), rounded(main.interval[1])] : null,
    ratioPortable: orNull(compare('torch', 'portable')?.ratio),
    ratioChannelsLast: orNull(compare('channelsLast', ours)?.ratio),
    ms,
    ...(row.unit === 'photo' ? { perSecond: mapNumbers(ms, (value) => 1000 / value) } : {}),
    peakMb,
    memoryRatio: orNull(memory),
    createMs,
    rounds,
    absent,
    failures,
    busy: rounded(busy),
  };
}

function orNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : rounded(value);
}

function mapNumbers(numbers: Numbers, map: (value: number) => number): Numbers {
  const entries = Object.entries(numbers).map(([name, value]) => [name, rounded(map(value))]);
  return Object.fromEntries(entries);
}

/** Five significant digits: more is noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
