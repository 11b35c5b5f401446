// The page of a comparison: the table, every pair, curves, confusions, and the evidence for images on
// which the contestants disagree.

import { claimOf } from '../evaluate/comparison.ts';
import { type Content, element, html, type Markup, preformatted } from '../evaluate/markup.ts';
import { commandBlock, definitions, renderPage, section } from '../evaluate/page.ts';
import { type Column, galleryGrid, table } from '../evaluate/report-tables.ts';
import type { Disagreement } from './disagreements.ts';
import type { Answered, Compared, ComparisonResult, ContestantResult } from './result.ts';
import {
  differenceText,
  failureText,
  findingText,
  leadOf,
  minutesText,
  points,
  probability,
  recallTexts,
  share,
  spreadText,
} from './words.ts';

export interface ComparisonPage extends Pick<Compared, 'failed' | 'findings'> {
  readonly title: string;
  readonly subtitle: string;
  readonly result: ComparisonResult;
  readonly answered: Answered;
  /** Training curves of all contestants (`comparedCharts`). */
  readonly charts: readonly Markup[];
  readonly disagreements: readonly Disagreement[];
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Common settings. */
  readonly config?: unknown;
}

/** Most confused pairs of classes that are shown. */
const PAIRS_SHOWN = 12;

/** The page as text, to be written to `compare.html`. */
export function renderComparison(input: ComparisonPage): string {
  const { title, subtitle, result, answered, charts } = input;
  const body = [
    section('Accuracy', resultTable(result), sentences(input.failed.map(failureText))),
    result.rows.length > 2 && section('Every pair', pairTable(result)),
    charts.length > 0 &&
      section('Training', keyOf(result), html`<div class="charts">${charts}</div>`),
    input.findings.length > 0 &&
      section('What training found', sentences(input.findings.map(findingText))),
    section('Confusions', confusionExcerpt(answered)),
    disagreementSection(input.disagreements),
    repeatSection(input),
  ];
  const footer = html`Intervals are 90 %, by a bootstrap over images that draws the same images for
both sides, photographs of one group or with equal bytes together; differences are to the first method. A claim holds where the interval does not reach zero and
at least 6 images are answered rightly by only one of the two. Times are those of training, over all
folds and seeds; features that an earlier run had cached are not counted again.`;
  return renderPage({ title, subtitle, lead: leadOf(result), body, footer });
}

function sentences(texts: readonly string[]): Content {
  return texts.length > 0 && html`<ul>${texts.map((text) => html`<li>${text}</li>`)}</ul>`;
}

/** One line for each contestant. */
function resultTable({ rows }: ComparisonResult): Markup {
  const [first] = rows;
  const columns: (Column<ContestantResult> | false)[] = [
    {
      title: 'Method',
      cell: ({ label, baseline }) => [
        label,
        baseline && html` <span class="quiet">baseline</span>`,
      ],
    },
    { title: 'Top-1', look: 'num', cell: (row) => share(row.top1), sort: (row) => row.top1 },
    first.top1BySeed.length > 1 && { title: 'Over seeds', look: 'num', cell: spreadText },
    { title: 'Mean over classes', look: 'num', cell: (row) => share(row.perClassMean) },
    { title: 'Recall at 1', look: 'num', cell: recallCell },
    { title: 'Difference, points', look: 'num', cell: differenceText },
    {
      title: 'McNemar p',
      look: 'num',
      cell: ({ difference }) => difference !== null && probability(difference.mcnemar),
    },
    { title: 'Claim', cell: claimCell },
    { title: 'Minutes', look: 'num', cell: minutesText, sort: (row) => row.minutes ?? 0 },
  ];
  return table(
    rows,
    columns.filter((column) => column !== false),
  );
}

/** The difference below the figure: side by side they push the claim off the page. */
function recallCell(row: ContestantResult): Content {
  const [figure, ...differences] = recallTexts(row);
  return [figure, differences.map((text) => html`<br><span class="quiet">${text}</span>`)];
}

function claimCell({ claim, difference }: ContestantResult): Content {
  if (difference === null) return null;
  if (claim === null) return html`<span class="quiet">none</span>`;
  return html`<b class="${claim === 'above' ? 'right' : 'wrong'}">${claim}</b>`;
}

/** Row minus column in points, bold where the claim holds. */
function pairTable({ rows, pairs }: ComparisonResult): Markup {
  const cellOf = (a: string, b: string): Content => {
    const pair = pairs.find((one) => one.a === a && one.b === b);
    const mirrored = pairs.find((one) => one.a === b && one.b === a);
    const found = pair ?? mirrored;
    if (found === undefined) return '';
    const sign = pair === undefined ? -1 : 1;
    const [low, high] = found.interval;
    const text = points(sign * found.difference);
    const ends = sign === 1 ? [low, high] : [-high, -low];
    return element(
      'span',
      { title: `${points(ends[0])} to ${points(ends[1])}, p ${probability(found.mcnemar)}` },
      claimOf(found) !== null ? html`<b>${text}</b>` : html`<span class="quiet">${text}</span>`,
    );
  };
  const columns: Column<ContestantResult>[] = [
    { title: 'Row minus column', cell: (row) => row.label },
    ...rows.map(
      ({ label }): Column<ContestantResult> => ({
        title: label,
        look: 'num',
        cell: (row) => cellOf(row.label, label),
      }),
    ),
  ];
  return html`${table(rows, columns)}<p class="quiet">Bold where the claim holds; the interval appears
under the pointer. Many pairs hold some differences by luck: decide beforehand which one matters.</p>`;
}

/** Which colour is whose. */
function keyOf({ rows }: ComparisonResult): Markup {
  const entries = rows.map(({ label }, i) => {
    const line = element('line', { class: `line s${i % 8}`, x1: 0, x2: 24, y1: 5, y2: 5 });
    return html`<span>${element('svg', { viewBox: '0 0 24 10' }, line)}${label}</span>`;
  });
  return html`<div class="key">${entries}</div>`;
}

interface PairCounts {
  readonly truth: number;
  readonly answer: number;
  /** By contestant, means over the repetitions. */
  readonly counts: readonly number[];
}

/** The pairs of classes that are confused most often, over all contestants. */
export function confusedBy({ truths, contestants }: Answered, most: number): PairCounts[] {
  const pairs = new Map<string, { truth: number; answer: number; counts: number[] }>();
  contestants.forEach(({ repetitions }, c) => {
    for (const { answers } of repetitions) {
      truths.forEach((truth, i) => {
        const answer = answers[i];
        if (answer === truth) return;
        const key = `${truth}>${answer}`;
        const pair = pairs.get(key) ?? { truth, answer, counts: contestants.map(() => 0) };
        pair.counts[c] += 1 / repetitions.length;
        pairs.set(key, pair);
      });
    }
  });
  const total = ({ counts }: PairCounts) => counts.reduce((sum, n) => sum + n, 0);
  return [...pairs.values()]
    .sort((a, b) => total(b) - total(a) || a.truth - b.truth || a.answer - b.answer)
    .slice(0, most);
}

function confusionExcerpt(answered: Answered): Markup {
  const { classes, contestants } = answered;
  const pairs = confusedBy(answered, PAIRS_SHOWN);
  if (pairs.length === 0) return html`<p class="quiet">No image was answered wrongly.</p>`;
  const columns: Column<PairCounts>[] = [
    { title: 'True class', cell: ({ truth }) => classes[truth] },
    { title: 'Answered as', cell: ({ answer }) => classes[answer] },
    ...contestants.map(
      ({ label }, i): Column<PairCounts> => ({
        title: label,
        look: 'num',
        cell: ({ counts }) => Number(counts[i].toFixed(1)),
        sort: ({ counts }) => counts[i],
      }),
    ),
  ];
  return html`<p class="quiet">The pairs of classes that are confused most often, with how many images
each method takes for the other.</p>${table(pairs, columns)}`;
}

function disagreementSection(disagreements: readonly Disagreement[]): Content {
  if (disagreements.length === 0) return null;
  const parts = disagreements.map(
    ({ id, truth, items }) => html`<h3>${truth} (${id})</h3>${galleryGrid(items)}`,
  );
  return section('Where they disagree', parts);
}

function repeatSection({ command, environment, config }: ComparisonPage): Markup {
  return section(
    'Repeat this comparison',
    commandBlock(command),
    definitions(Object.entries(environment)),
    config !== undefined &&
      html`<details><summary>Common settings</summary>
<pre>${preformatted(JSON.stringify(config, null, 2))}</pre></details>`,
  );
}
