// Results as text: one table, and notes below it.

import type { ContestantName } from '../rows.ts';
import type { RowResult } from './results.ts';

interface Column {
  readonly title: string;
  cell(row: RowResult): string;
  /** Left out where no row takes part in it. */
  readonly optional?: boolean;
}

const times = (title: string, name: ContestantName, optional = false): Column => ({
  title,
  optional,
  cell: (row) => (row.failures[name] === undefined ? figure(row.ms[name]) : 'failed'),
});

const columns: readonly Column[] = [
  { title: 'row', cell: ({ name }) => name },
  { title: 'ms per', cell: ({ unit }) => unit },
  times('portable', 'portable'),
  times('blocked', 'blocked'),
  times('PyTorch', 'torch'),
  times('ch.last', 'channelsLast'),
  times('tfjs', 'tfjs', true),
  times('jax-js', 'jax', true),
  { title: 'ratio', cell: ({ ratio }) => factor(ratio) },
  {
    title: '90 %',
    cell: ({ interval }) => (interval === null ? '-' : interval.map(factor).join('-')),
  },
  { title: 'r.chlast', cell: ({ ratioChannelsLast }) => factor(ratioChannelsLast) },
  { title: 'r.portable', cell: ({ ratioPortable }) => factor(ratioPortable) },
  { title: 'MB ours', cell: ({ peakMb, ours }) => (ours === null ? '-' : figure(peakMb[ours])) },
  { title: 'MB PyT.', cell: ({ peakMb }) => figure(peakMb.torch) },
  { title: 'r.MB', cell: ({ memoryRatio }) => factor(memoryRatio) },
  {
    title: 'create',
    cell: ({ createMs, ours }) => (ours === null ? '-' : figure(createMs[ours])),
  },
];

/** The table, one line a row, its cells lined up. */
export function renderTable(rows: readonly RowResult[]): string {
  const table = columns
    .map(({ title, cell, optional }) => ({ optional, cells: [title, ...rows.map(cell)] }))
    .filter(({ optional, cells }) => !optional || cells.slice(1).some((text) => text !== '-'))
    .map(({ cells }, i) => {
      const width = Math.max(...cells.map((text) => text.length));
      return cells.map((text) => (i < 2 ? text.padEnd(width) : text.padStart(width)));
    });
  const lines = [0, ...rows.map((_, i) => i + 1)].map((i) =>
    table
      .map((cells) => cells[i])
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, '-'.repeat(Math.max(...lines.map((line) => line.length))));
  return lines.join('\n');
}

const LEGEND = [
  'Medians of the rounds. Ratios are PyTorch over ours, the median of the ratios of the rounds:',
  'above 1 ours is faster, or smaller. ratio: PyTorch with its default layout to blocked, or to',
  'portable where there is no blocked. r.chlast: PyTorch with channels_last to the same.',
  'r.portable: the default layout to portable. MB: peak resident memory of the process, 10^6',
  'bytes. create: milliseconds to create our session.',
];

/** What the table does not say: legend, rates, who was absent or failed, what disturbed. */
export function renderNotes(rows: readonly RowResult[]): string {
  const notes = [LEGEND, rates(rows), absences(rows), failures(rows), disturbances(rows)];
  return notes.flat().join('\n');
}

function rates(rows: readonly RowResult[]): string[] {
  return rows.flatMap(({ name, perSecond, ours }) => {
    if (perSecond === undefined || ours === null) return [];
    const theirs = perSecond.torch === undefined ? '' : `, PyTorch ${figure(perSecond.torch)}`;
    return [`${name}: ours ${figure(perSecond[ours])} photographs/s${theirs}`];
  });
}

/** Each reason once, with all contestants that it kept away. */
function absences(rows: readonly RowResult[]): string[] {
  const byReason = new Map<string, Set<string>>();
  for (const { absent } of rows) {
    for (const [name, reason] of Object.entries(absent)) {
      byReason.set(reason, (byReason.get(reason) ?? new Set()).add(name));
    }
  }
  return [...byReason].map(([reason, names]) => `no ${[...names].join(', ')}: ${reason}`);
}

function failures(rows: readonly RowResult[]): string[] {
  return rows.flatMap((row) =>
    Object.entries(row.failures).map(([name, reason]) => `${row.name}, ${name} failed: ${reason}`),
  );
}

/** So many busy processors are no longer the machine's own housekeeping. */
const BUSY = 0.25;

function disturbances(rows: readonly RowResult[]): string[] {
  const disturbed = rows.filter(({ busy }) => busy > BUSY);
  if (disturbed.length === 0) return [];
  const most = Math.max(...disturbed.map(({ busy }) => busy)).toFixed(1);
  const names = disturbed.map(({ name }) => name).join(', ');
  return [`other work kept up to ${most} processors busy; these rows say little: ${names}`];
}

function factor(value: number | null): string {
  return value === null ? '-' : value.toFixed(2);
}

/** About three digits. */
function figure(value: number | undefined): string {
  if (value === undefined) return '-';
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
