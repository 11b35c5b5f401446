// The tables of a comparison's page: a line for each contestant, and every pair.

import { type Finding, mirrored } from '../evaluate/comparison.ts';
import { type Content, html, type Markup } from '../evaluate/markup.ts';
import { type Column, table } from '../evaluate/report-tables.ts';
import type { ComparisonResult, ContestantResult } from './result.ts';
import {
  claimText,
  differenceText,
  minutesText,
  passesText,
  points,
  probability,
  recallTexts,
  share,
  spreadText,
} from './words.ts';

/** One line for each contestant. */
export function resultTable({ rows }: ComparisonResult): Markup {
  const columns: Column<ContestantResult>[] = [
    {
      title: 'Method',
      cell: ({ label, baseline }) => [
        methodName(label),
        baseline && html` <span class="quiet">baseline</span>`,
      ],
    },
    {
      title: 'Top-1',
      look: 'num',
      cell: (row) => figureCell([share(row.top1), spreadText(row)].filter((text) => text !== '')),
      sort: (row) => row.top1,
    },
    { title: 'Mean over classes', look: 'num', cell: (row) => share(row.perClassMean) },
    {
      title: 'Recall at 1',
      look: 'num',
      cell: (row) => figureCell(recallTexts(row).flatMap((text) => text.split(/ (?=\()/))),
    },
    {
      title: 'Difference, points',
      look: 'num',
      cell: (row) => figureCell(differenceText(row).split(/ (?=\()/)),
    },
    {
      title: 'McNemar p',
      look: 'num',
      cell: ({ difference }) => difference !== null && probability(difference.mcnemar),
    },
    { title: 'Claim', cell: claimCell },
    { title: 'Passes', cell: passesCell },
    { title: 'Minutes', look: 'num', cell: minutesText, sort: (row) => row.minutes ?? 0 },
  ];
  return table(rows, columns, { cards: true });
}

/** What belongs to a figure below it: side by side they push the claim off the page. */
function figureCell([figure, ...more]: readonly string[]): Content {
  if (figure === '') return null;
  return [figure, more.map((text) => html`<br><span class="quiet">${text}</span>`)];
}

/** A line for each stage. */
function passesCell(row: ContestantResult): Content {
  const stages = passesText(row).split(', ');
  return stages.map((stage, i) => [
    i > 0 && html`<br>`,
    html`<span class="nowrap">${stage}</span>`,
  ]);
}

/** The look of what may be said. */
const LOOKS = { above: 'claim right', below: 'claim wrong', none: 'quiet' } as const;

function lookOf({ claim }: Finding): string {
  return LOOKS[claim ?? 'none'];
}

function claimCell(row: ContestantResult): Content {
  if (row.difference === null) return null;
  return html`<span class="${lookOf(row.difference)}">${claimText(row)}</span>`;
}

/** Row minus column in points, in colour where something may be claimed. */
export function pairTable({ rows, pairs }: ComparisonResult): Markup {
  const cellOf = (a: string, b: string): Content => {
    const pair = pairs.find((one) => one.a === a && one.b === b);
    const other = pairs.find((one) => one.a === b && one.b === a);
    const of = pair ?? (other && mirrored(other));
    if (of === undefined) return '';
    const [low, high] = of.interval;
    return [
      html`<span class="${lookOf(of)}">${points(of.difference)}</span>`,
      html`<br><span class="quiet">${points(low)} to ${points(high)}</span>`,
    ];
  };
  const columns: Column<ContestantResult>[] = [
    { title: 'Row minus column', cell: (row) => methodName(row.label) },
    ...rows.map(
      ({ label }): Column<ContestantResult> => ({
        title: label,
        heading: methodName(label),
        look: 'num',
        cell: (row) => cellOf(row.label, label),
      }),
    ),
  ];
  return html`${table(rows, columns)}<p class="quiet">In bold and colour where something may be
claimed. Of many pairs some differ by luck: decide beforehand which one matters.</p>`;
}

/** A method with its settings, which may break where a setting begins. */
export function methodName(label: string): Content {
  return label.split(/(?<=[:,])/).map((piece, i) => [i > 0 && html`<wbr>`, piece]);
}
