// fieldmark evaluate

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import pico from 'picocolors';
import { fail } from '../core/errors.ts';
import type { Split } from '../core/example.ts';
import type { TrainedImages } from '../data/trained-images.ts';
import type { EvaluationRun } from '../evaluate/evaluate.ts';
import type { Retrieval, RetrievalByLevel } from '../evaluate/retrieval.ts';
import { absentClasses, classesInWords, scopeNotes } from '../evaluate/scope-words.ts';
import { seenBanner, seenNote } from '../evaluate/seen-words.ts';
import type { Evaluation } from '../evaluate/summary.ts';
import { shownName } from '../recognise/class-name.ts';
import type { Recogniser } from '../recognise/recogniser.ts';
import type { RunConfig } from '../train/config.ts';
import { imageOptions, interruptible, maxPixelsOf, wholeNumber } from './options.ts';
import { note, percent, print, printJson, showProgress, table } from './output.ts';
import { commandLine } from './shell-word.ts';

interface Flags {
  data?: string;
  format?: string;
  split?: Split;
  fold?: boolean;
  includeTrained?: boolean;
  threads?: number;
  workers?: number;
  skipBad?: boolean;
  maxMegapixels?: number;
  retrieval?: boolean;
  tables?: string;
  report?: string | boolean;
  json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('score a trained model on one split of a dataset and write report.html')
    .argument('<run>', 'run folder, or a folder with model.onnx and fieldmark.json')
    .option('--data <dir>', 'dataset folder (default: that of the run)')
    .option('--format <name>', 'dataset format, if it is not to be found out')
    .addOption(
      new Option(
        '--split <name>',
        'which images (default: test where there are some, else val)',
      ).choices(['train', 'val', 'test']),
    )
    .option('--fold', 'for a run of one fold: the splits that it was trained with, in --data')
    .option('--include-trained', 'score photographs that the model was trained on, too')
    .option('--retrieval', 'also let each image query the others by its embedding')
    .option('--threads <n>', 'threads of the engine (default: all processors)', wholeNumber(1))
    .option('--workers <n>', 'threads that decode images (default: 1)', wholeNumber())
    .addOption(imageOptions.skipBad)
    .addOption(imageOptions.maxMegapixels)
    .option(
      '--tables <dir>',
      'also write classes, confusions and the answer to every image as CSV and JSON',
    )
    .option('--report <file>', 'where to write the report (default: report.html in the run folder)')
    .option('--no-report', 'write no report')
    .option('--json', 'end with one line of JSON')
    .action(run);
}

async function run(folder: string, flags: Flags): Promise<void> {
  const { loadRecogniser } = await import('../recognise/load-recogniser.ts');
  const { evaluateModel } = await import('../evaluate/evaluate.ts');
  const { writeReport } = await import('./report.ts');
  const recogniser = await loadRecogniser(folder, { threads: flags.threads });
  try {
    const images = await imagesOf(folder, flags);
    const result = await evaluateModel(recogniser, {
      ...images,
      split: flags.split,
      includeTrained: flags.includeTrained,
      retrieval: flags.retrieval,
      workers: flags.workers,
      onProgress: showProgress,
      onNote: note,
      signal: interruptible(),
    });
    const { evaluation } = result;
    const { seen, split } = evaluation;
    const banner = seenBanner(seen);
    if (banner !== undefined) print(pico.bold(`CAUTION: ${banner}`));
    printEvaluation(evaluation);
    for (const line of scopeNotes(evaluation)) print(line);
    const beside = seenNote(seen);
    if (beside !== undefined) print(beside);
    if (result.leftOut !== undefined && result.leftOut.count > 0) {
      const { leftOutInWords } = await import('../data/bad-images.ts');
      print(`not scored: ${leftOutInWords(result.leftOut)}`);
    }
    if (flags.retrieval && evaluation.retrieval === undefined) {
      note('no retrieval figures: images or their embeddings are too many to hold in memory');
    }
    const report = typeof flags.report === 'string' ? flags.report : join(folder, 'report.html');
    if (flags.report !== false) {
      const asked = [
        ...(images.fold === undefined ? [] : ['--fold']),
        ...(flags.retrieval ? ['--retrieval'] : []),
        ...(flags.includeTrained ? ['--include-trained'] : []),
        ...(flags.skipBad ? ['--skip-bad'] : []),
      ];
      const where = ['--data', images.data, '--split', split];
      const command = commandLine('evaluate', folder, ...where, ...asked);
      await writeReport(report, { folder, recogniser, result, command });
      print(`report: ${report}`);
    }
    const tables =
      flags.tables === undefined ? undefined : await tablesOf(flags.tables, result, recogniser);
    for (const path of tables ?? []) print(`table: ${path}`);
    if (flags.json) {
      const { leftOut } = result;
      const written = { report: flags.report === false ? undefined : report, tables };
      printJson({ ...jsonOf(evaluation), ...written, leftOut });
    }
  } finally {
    await recogniser.close();
  }
}

async function tablesOf(
  folder: string,
  result: EvaluationRun,
  { manifest }: Recogniser,
): Promise<string[]> {
  const { writeTables } = await import('../evaluate/tables.ts');
  return await writeTables(folder, result, manifest);
}

/** What to score on: what the flags say, else what the run was trained with. */
async function imagesOf(folder: string, flags: Flags): Promise<TrainedImages> {
  const { data, format, fold } = flags;
  const config = await configOf(folder, data === undefined);
  if (fold && config?.fold === undefined) {
    const got = config === undefined ? 'a model without its run' : 'one of the official splits';
    throw usage('a run that was trained with --fold', got);
  }
  if (data === undefined && config === undefined) {
    throw usage('--data <dir>, as this model knows of no photographs', 'no dataset');
  }
  const own = data === undefined;
  if (own) {
    await mustBeThere(config!.data);
    note(`photographs of the run: ${config!.data}`);
  }
  return {
    data: data ?? config!.data,
    format: format ?? (own || fold ? config?.format : undefined),
    fold: own || fold ? config?.fold : undefined,
    holdOut: config?.holdOut,
    // what a run left out is not part of its splits either
    skipBad: flags.skipBad ?? config?.skipBad,
    maxPixels: maxPixelsOf(flags.maxMegapixels ?? config?.maxMegapixels),
  };
}

/** Of a run; a model without one has none. With other data a damaged one is not what this is about. */
async function configOf(folder: string, needed: boolean): Promise<RunConfig | undefined> {
  const { hasRun, readRunConfig } = await import('../train/run-folder.ts');
  if (needed) return (await hasRun(folder)) ? await readRunConfig(folder) : undefined;
  return await readRunConfig(folder).catch(() => undefined);
}

async function mustBeThere(data: string): Promise<void> {
  const isThere = await access(data).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  throw fail('FM_DATASET', data, {
    expected: 'the photographs that the run was trained with',
    got: 'nothing there',
    next: 'Say with --data where they are now, or which others are to be scored.',
  });
}

function usage(expected: string, got: string) {
  return fail('FM_USAGE', 'evaluate', { expected, got, next: "See 'fieldmark evaluate --help'." });
}

/** The figures, for people. */
export function printEvaluation(e: Evaluation): void {
  const interval = ([low, high]: readonly [number, number]) =>
    `(95 % interval ${percent(low)} to ${percent(high)})`;
  print(
    table([
      ['measure', 'value', ''],
      ['top-1', percent(e.top1, 2), interval(e.interval.top1)],
      ...(e.top5 === null ? [] : [['top-5', percent(e.top5, 2), '']]),
      ['per-class mean', percent(e.perClassMean, 2), interval(e.interval.perClassMean)],
      ...Object.entries(e.levels).map(([name, { top1 }]) => [
        `level '${name}'`,
        percent(top1, 2),
        '',
      ]),
      ...Object.entries(e.scales).map(([name, top1]) => [
        `scale '${name}'`,
        percent(top1, 2),
        'by itself',
      ]),
      ['calibration error', percent(e.ece, 2), `temperature ${e.temperature.toFixed(3)}`],
      ...(e.retrieval === undefined ? [] : retrievalRows(e.retrieval)),
      ['images', String(e.n), `${classesInWords(e)}, split ${e.split}`],
    ]),
  );
  const worst = e.confusions.slice(0, 5);
  if (worst.length === 0) return;
  print('most confused:');
  for (const { truth, answer, count } of worst) {
    print(`  ${shownName(truth)} taken for ${shownName(answer)}: ${count}`);
  }
}

function retrievalRows({ levels, ...ofClasses }: RetrievalByLevel): string[][] {
  const rows = ({ recall, map, mapAtR, queries }: Retrieval, suffix = '') => [
    [`retrieval mAP${suffix}`, percent(map, 2), `${queries} queries`],
    [`retrieval mAP@R${suffix}`, percent(mapAtR, 2), ''],
    ...Object.entries(recall).map(([k, share]) => [
      `recall at ${k}${suffix}`,
      percent(share, 2),
      '',
    ]),
  ];
  const above = Object.entries(levels).flatMap(([name, of]) => rows(of, `, '${name}'`));
  return [...rows(ofClasses), ...above];
}

function jsonOf(e: Evaluation) {
  const { top1, top5, perClassMean, n, split, levels, scales, interval } = e;
  const { ece, nll, brier, temperature } = e;
  return {
    seen: e.seen,
    caution: seenBanner(e.seen) ?? null,
    note: seenNote(e.seen) ?? null,
    retrieval: e.retrieval,
    top1,
    top5,
    perClassMean,
    n,
    split,
    absent: absentClasses(e),
    levels,
    scales,
    interval,
    ece,
    nll,
    brier,
    temperature,
  };
}
