// The page of a comparison: the table, every pair, curves, confusions, and the evidence for images on
// which the contestants disagree.

import { FEWEST_DECIDING, LARGEST_P } from '../evaluate/comparison.ts';
import { galleryGrid, galleryKey } from '../evaluate/gallery.ts';
import { type Content, element, html, type Markup, preformatted } from '../evaluate/markup.ts';
import { commandBlock, definitions, renderPage, section } from '../evaluate/page.ts';
import { type Column, table } from '../evaluate/report-tables.ts';
import { shownName } from '../recognise/class-name.ts';
import type { Disagreement } from './disagreements.ts';
import type { Answered, Compared, ComparisonResult } from './result.ts';
import { methodName, pairTable, resultTable } from './result-tables.ts';
import { budgetLines, failureText, findingText, leadLines } from './words.ts';

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

/** Most claims that stand at the head of the page; of more there is a list. */
const FEW = 2;

/** The page as text, to be written to `compare.html`. */
export function renderComparison(input: ComparisonPage): string {
  const { title, subtitle, result, answered, charts } = input;
  const [base, ...claims] = leadLines(result);
  const short = claims.length <= FEW;
  const body = [
    section(
      'Accuracy',
      resultTable(result),
      !short && sentences(claims),
      sentences(input.failed.map(failureText)),
      budgetPart(result),
    ),
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
both sides, photographs of one group or with equal bytes together; differences are to the first method.
A claim is made where the interval does not reach zero, at least ${FEWEST_DECIDING} images are answered
rightly by only one of the two, and McNemar’s exact test agrees: its p, which is two-sided, is below
${LARGEST_P}, the share that the interval leaves outside. Passes are those of one run over its training
images (cached: over features that were computed once), with those of a refit. Minutes are those of
training, over all folds and seeds; features that an earlier run had cached are not counted again.`;
  return renderPage({
    title,
    subtitle,
    lead: [base, ...(short ? claims : [])].join(' '),
    body,
    footer,
  });
}

/** In what the contestants had unequal budgets. */
function budgetPart(result: ComparisonResult): Content {
  const [head, ...lines] = budgetLines(result);
  return head !== undefined && [html`<p class="after">${head}</p>`, sentences(lines)];
}

function sentences(texts: readonly string[]): Content {
  return texts.length > 0 && html`<ul>${texts.map((text) => html`<li>${text}</li>`)}</ul>`;
}

/** Which colour is whose. */
function keyOf({ rows }: ComparisonResult): Markup {
  const entries = rows.map(({ label }, i) => {
    const line = element('line', { class: `line s${i % 8}`, x1: 0, x2: 24, y1: 5, y2: 5 });
    return html`<span>${element('svg', { viewBox: '0 0 24 10' }, line)}${methodName(label)}</span>`;
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
    { title: 'True class', cell: ({ truth }) => shownName(classes[truth]) },
    { title: 'Answered as', cell: ({ answer }) => shownName(classes[answer]) },
    ...contestants.map(
      ({ label }, i): Column<PairCounts> => ({
        title: label,
        heading: methodName(label),
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
    ({ id, truth, items }) => html`<h3>${shownName(truth)} (${id})</h3>${galleryGrid(items)}`,
  );
  return section(
    'Where they disagree',
    galleryKey(disagreements.flatMap(({ items }) => items)),
    parts,
  );
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
