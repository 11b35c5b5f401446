// The tables of a report.
import { shownName } from '../recognise/class-name.ts';
import { type Content, element, html, type Markup, percentText } from './markup.ts';
import type { ClassResult, Evaluation, NamedConfusion } from './summary.ts';

/** One column of a table: its heading, its look, and what stands in a row's cell. */
export interface Column<Row> {
  readonly title: string;
  /** The title as it stands above the column, where it is more than text. */
  readonly heading?: Content;
  readonly look?: 'num' | 'wide';
  readonly cell: (row: Row) => Content;
  /** What the column is sorted by; the cell's text unless told. */
  readonly sort?: (row: Row) => number;
}

export interface TableOptions {
  /** Where there is no room for the columns, such as on a phone, each row becomes a card of its own. */
  readonly cards?: boolean;
}

/**
 * A table; it is sorted by clicks on its headings where a column says by what. One too wide for the
 * page scrolls within itself.
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { cards = false }: TableOptions = {},
): Markup {
  const sortable = columns.some(({ sort }) => sort !== undefined);
  const head = columns.map(({ title, heading, look }) =>
    element('th', { class: look }, heading ?? title),
  );
  const body = rows.map((row) => {
    const cells = columns.map(({ title, look, cell, sort }) => {
      const about = { class: look, 'data-v': sort?.(row) };
      const content = cell(row);
      if (!cards || isNothing(content)) return element('td', about, content);
      // one element, because a card lays it out beside the heading
      return element('td', { ...about, 'data-label': title }, html`<div>${content}</div>`);
    });
    return html`<tr>${cells}</tr>\n`;
  });
  return html`<div class="scroll tall">${element(
    'table',
    { class: cards ? 'cards' : undefined, 'data-sortable': sortable ? '' : undefined },
    html`<thead><tr>${head}</tr></thead>`,
    html`<tbody>${body}</tbody>`,
  )}</div>`;
}

function isNothing(content: Content): boolean {
  return content === null || content === undefined || content === false || content === '';
}

/** A bar of a fraction. */
function meter(fraction: number): Markup {
  const width = `width:${(fraction * 100).toFixed(1)}%`;
  return html`<span class="meter"><span style="${width}"></span></span>`;
}

/** Accuracy per level of the hierarchy, coarsest first, the classes last. */
export function levelTable({ levels, top1, classes, n }: Evaluation): Markup {
  const rows = [
    ...Object.entries(levels).map(([name, level]) => ({ name, ...level })),
    { name: 'class', top1, nodes: classes, n },
  ];
  return table(rows, [
    { title: 'Level', cell: (row) => row.name },
    { title: 'Top-1', look: 'num', cell: (row) => percentText(row.top1) },
    { title: '', look: 'wide', cell: (row) => meter(row.top1) },
    { title: 'Names', look: 'num', cell: (row) => row.nodes },
    { title: 'Chance', look: 'num', cell: (row) => percentText(1 / row.nodes) },
  ]);
}

/** Every class, the lowest recall first; a click on a heading sorts by it. */
export function classTable(perClass: readonly ClassResult[]): Markup {
  const rows = [...perClass].sort(
    (a, b) => (a.recall ?? 2) - (b.recall ?? 2) || b.n - a.n || a.label - b.label,
  );
  const share = (value: number | null): string => (value === null ? '–' : percentText(value));
  return table(rows, [
    { title: 'Class', cell: (row) => shownName(row.name) },
    { title: 'Images', look: 'num', cell: (row) => row.n, sort: (row) => row.n },
    {
      title: 'Recall',
      look: 'num',
      cell: (row) => share(row.recall),
      sort: (row) => row.recall ?? -1,
    },
    { title: '', look: 'wide', cell: (row) => row.recall !== null && meter(row.recall) },
    {
      title: 'Precision',
      look: 'num',
      cell: (row) => share(row.precision),
      sort: (row) => row.precision ?? -1,
    },
    { title: 'F1', look: 'num', cell: (row) => share(row.f1), sort: (row) => row.f1 ?? -1 },
    { title: 'Most often taken for', cell: (row) => row.takenFor && shownName(row.takenFor) },
  ]);
}

/** The most confused pairs as a table. */
export function confusionTable(confusions: readonly NamedConfusion[], limit = 20): Markup {
  if (confusions.length === 0) return html`<p class="quiet">No image was answered wrongly.</p>`;
  return table(confusions.slice(0, limit), [
    { title: 'True class', cell: (pair) => shownName(pair.truth) },
    { title: 'Answered as', cell: (pair) => shownName(pair.answer) },
    { title: 'Images', look: 'num', cell: (pair) => pair.count },
    { title: 'Of its class', look: 'num', cell: (pair) => percentText(pair.share, 0) },
  ]);
}
