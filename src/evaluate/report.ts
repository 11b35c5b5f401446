// The report of a run.
import { shownName } from '../recognise/class-name.ts';
import { type GalleryItem, galleryGrid, galleryKey, isRight } from './gallery.ts';
import { type Content, html, type Markup, percentText, preformatted } from './markup.ts';
import { commandBlock, definitions, renderPage, section } from './page.ts';
import { type TrainingPhase, trainingCharts } from './report-curves.ts';
import { confusionFigure, reliabilityDiagram } from './report-figures.ts';
import { classTable, confusionTable, levelTable } from './report-tables.ts';
import type { Retrieval } from './retrieval.ts';
import { classesInWords, scopeNotes } from './scope-words.ts';
import { seenBanner, seenNote } from './seen-words.ts';
import type { Evaluation } from './summary.ts';

/** A command worth running next, and why. */
export interface NextStep {
  readonly command: string;
  readonly why: string;
}

export interface ReportInput {
  readonly title: string;
  /** Data, method, backbone: a line under the title. */
  readonly subtitle?: string;
  readonly evaluation: Evaluation;
  /** Metrics of training, stage by stage. */
  readonly training?: readonly TrainingPhase[];
  /** Pictures with evidence; wrong answers are shown first. */
  readonly gallery?: readonly GalleryItem[];
  /** What `config.json` holds. */
  readonly config?: unknown;
  /** What `recipe.json` holds. */
  readonly recipe?: unknown;
  /** The command line that repeats the run. */
  readonly command?: string;
  /** Versions and machine. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly licence?: string;
  readonly next?: readonly NextStep[];
  /** When it was made, as it should be read; absent by default, so that reports repeat exactly. */
  readonly created?: string;
}

/** The page as text, to be written to `report.html`. All text of the input is escaped. */
export function renderReport(input: ReportInput): string {
  const { title, subtitle, evaluation, created } = input;
  const body = html`${seenPart(evaluation)}
${scopeNotes(evaluation).map((note) => html`<p class="quiet">${note}</p>`)}
${headline(evaluation)}
${trainingSection(input.training ?? [])}
${levelSection(evaluation)}
${section('Calibration', calibrationPart(evaluation))}
${retrievalSection(evaluation)}
${section('Confusions', confusionPart(evaluation))}
${section('Classes', classTable(evaluation.perClass))}
${gallerySection(input.gallery ?? [])}
${nextSection(input.next ?? [])}
${repeatSection(input)}`;
  const footer = html`${created !== undefined && html`Made ${created}. `}
Intervals are 95 %: Wilson for top-1, bootstrap over images for the mean over classes.`;
  return renderPage({ title, subtitle, lead: leadSentence(evaluation), body, footer });
}

/** A warning over the figures where the photographs trained the model, a note where they chose it. */
function seenPart({ seen }: Evaluation): Content {
  const banner = seenBanner(seen);
  if (banner !== undefined) return html`<p class="warning" role="alert">${banner}</p>`;
  const note = seenNote(seen);
  return note === undefined ? null : html`<p class="quiet">${note}</p>`;
}

/** What the numbers say, in words. */
function leadSentence(evaluation: Evaluation): string {
  const { n, split, top1, interval, confusions } = evaluation;
  const [low, high] = interval.top1;
  const asked = `${n} ${split} ${plural(n, 'image', 'images')}`;
  const between = `95 % interval ${percentText(low)} to ${percentText(high)}`;
  const among = classesInWords(evaluation);
  const first = `${percentText(top1)} of ${asked} of ${among} are answered rightly (${between}).`;
  const worst = confusions[0];
  if (worst === undefined) return first;
  const share = `${worst.count} of ${Math.round(worst.count / worst.share)}`;
  return `${first} The commonest mistake takes ${shownName(worst.truth)} for ${shownName(worst.answer)} (${share}).`;
}

function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}

function headline(evaluation: Evaluation): Markup {
  const { top1, top5, interval, classes, ece, n } = evaluation;
  const between = ([low, high]: readonly [number, number]): string =>
    `${percentText(low)} – ${percentText(high)}`;
  const levels = Object.entries(evaluation.levels).map(([name, level]) =>
    figure(percentText(level.top1), `Right ${name}`, `of ${level.nodes}`),
  );
  const mean = percentText(evaluation.perClassMean);
  const wrong = `${evaluation.wrong.length} wrong`;
  return html`<div class="figures">
${figure(percentText(top1), 'Top-1', between(interval.top1), 'figure main')}
${figure(mean, 'Mean over classes', between(interval.perClassMean))}
${top5 !== null && figure(percentText(top5), 'Top-5', `of ${classes} classes`)}
${levels}
${figure(percentText(ece), 'Calibration error', `temperature ${evaluation.temperature.toFixed(2)}`)}
${figure(`${n}`, `Images, ${evaluation.split}`, wrong)}
</div>`;
}

/** One headline figure with its name above and a note below. */
function figure(value: string, name: string, note: string, look = 'figure'): Markup {
  return html`<div class="${look}"><span>${name}</span><b>${value}</b><span>${note}</span></div>`;
}

function levelSection(evaluation: Evaluation): Content {
  if (Object.keys(evaluation.levels).length === 0) return null;
  return section('Levels of the hierarchy', levelTable(evaluation));
}

function retrievalSection({ retrieval }: Evaluation): Content {
  if (retrieval === undefined) return null;
  const levels = Object.entries(retrieval.levels).map(([name, of]) => [
    html`<h3>Level ${name}</h3>`,
    retrievalFigures(of),
  ]);
  return section('Retrieval', [
    html`<p>Each of ${retrieval.queries} images queries the others by its embedding.</p>`,
    retrievalFigures(retrieval),
    ...levels,
  ]);
}

function retrievalFigures({ recall, map, mapAtR }: Retrieval): Content {
  const found = Object.entries(recall).map(([k, share]) => `${percentText(share)} at ${k}`);
  return definitions([
    ['Mean average precision', percentText(map)],
    ['Mean average precision at R', percentText(mapAtR)],
    ['Recall', found.join(', ')],
  ]);
}

function trainingSection(parts: readonly TrainingPhase[]): Content {
  const charts = trainingCharts(parts);
  if (charts.length === 0) return null;
  return section('Training', html`<div class="charts">${charts}</div>`, [
    parts.length > 1 &&
      html`<p class="quiet">Each stage has its name and its own epochs below the axis. It goes on
from the best epoch of the stage before it and trains other parts of the network, at another rate or by
another loss, so that curves may jump where it begins.</p>`,
    parts.some(({ refit }) => refit) &&
      html`<p class="quiet">In a refit the network starts again from its first numbers, and the stages
are repeated on all training images: none are held out any more.</p>`,
  ]);
}

function calibrationPart(evaluation: Evaluation): Markup {
  const { ece, eceAdaptive, nll, brier, temperature } = evaluation;
  const divided = temperature === 1 ? 'the logits as they are' : 'by which logits are divided';
  const [wide, even] = [percentText(ece), percentText(eceAdaptive)];
  return html`<div class="split">${reliabilityDiagram(evaluation.reliability)}<div>
<p>Of the answers given with 80 % confidence, 80 % should be right: bars that end on the dashed
line. Red is what an answer claims and does not keep, pale blue what it keeps beyond its claim; below, how
many images each bin holds.</p>
${definitions([
  ['Expected calibration error', `${wide} (15 equal-width bins), ${even} (equal-size bins)`],
  ['Temperature', `${temperature.toFixed(3)}, ${divided}`],
  ['Negative log likelihood', `${nll.toFixed(4)} nats`],
  ['Brier score', brier.toFixed(4)],
])}</div></div>`;
}

function confusionPart({ matrix, perClass, confusions }: Evaluation): Content {
  const names = perClass.map(({ name }) => name);
  if (matrix === undefined) return confusionTable(confusions);
  return [
    html`<p class="quiet">Rows are the truth, columns the answer; colour is the share of the
row.</p>`,
    confusionFigure(matrix, names),
    html`<h3>Most confused pairs</h3>`,
    confusionTable(confusions, 8),
  ];
}

function gallerySection(items: readonly GalleryItem[]): Content {
  const wrong = items.filter((item) => !isRight(item));
  const right = items.filter(isRight);
  if (items.length === 0) return null;
  return section('Answers and what they rest on', [
    galleryKey(items),
    wrong.length > 0 && html`<h3>Wrong</h3>${galleryGrid(wrong)}`,
    right.length > 0 && html`<h3>Right</h3>${galleryGrid(right)}`,
  ]);
}

function nextSection(steps: readonly NextStep[]): Content {
  if (steps.length === 0) return null;
  const items = steps.map(({ command, why }) => html`<li>${why}${commandBlock(command)}</li>`);
  return section('What to try next', html`<ol class="next">${items}</ol>`);
}

function repeatSection({ command, config, recipe, environment, licence }: ReportInput): Content {
  const parts: Content[] = [
    command !== undefined && [html`<p>The same run again:</p>`, commandBlock(command)],
    environment !== undefined && [
      html`<h3>Environment</h3>`,
      definitions(Object.entries(environment)),
    ],
    licence !== undefined && html`<h3>Licence</h3><p>${licence}</p>`,
    writtenDown('Configuration', config),
    writtenDown('Recipe, defaults filled in', recipe),
  ];
  return parts.some(Boolean) && section('Repeat this run', parts);
}

function writtenDown(title: string, value: unknown): Content {
  if (value === undefined) return null;
  const text = preformatted(JSON.stringify(value, null, 2));
  return html`<details><summary>${title}</summary><pre>${text}</pre></details>`;
}
