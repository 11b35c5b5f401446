// fieldmark evaluate

import { join } from 'node:path';
import { Command, Option } from 'commander';
import pico from 'picocolors';
import { fail } from '../core/errors.ts';
import type { Split } from '../core/example.ts';
import type { TrainedImages } from '../data/trained-images.ts';
import type { Retrieval, RetrievalByLevel } from '../evaluate/retrieval.ts';
import { chosenNote, seenBanner } from '../evaluate/seen-words.ts';
import type { Evaluation } from '../evaluate/summary.ts';
import { shownName } from '../recognise/class-name.ts';
import { imageOptions, interruptible, maxPixelsOf, wholeNumber } from './options.ts';
import { note, percent, print, printJson, showProgress, table } from './output.ts';
import { shellWord } from './shell-word.ts';

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
  const { loadRecogniser } = await import('../recognise/recogniser.ts');
  const { evaluateModel } = await import('../evaluate/evaluate.ts');
  const { writeReport } = await import('./report.ts');
  const images = await imagesOf(folder, flags);
  const recogniser = await loadRecogniser(folder, { threads: flags.threads });
  try {
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
    const banner = seen && seenBanner(seen);
    if (banner !== undefined) print(pico.bold(`CAUTION: ${banner}`));
    printEvaluation(evaluation);
    const chosen = seen && chosenNote(seen);
    if (chosen !== undefined) print(chosen);
    if (result.leftOut !== undefined && result.leftOut.count > 0) {
      const { leftOutInWords } = await import('../data/bad-images.ts');
      print(`not scored: ${leftOutInWords(result.leftOut)}`);
    }
    if (flags.retrieval && evaluation.retrieval === undefined) {
      note('no retrieval figures: images or their embeddings are too many to hold in memory');
    }
    const report = typeof flags.report === 'string' ? flags.report : join(folder, 'report.html');
    if (flags.report !== false) {
      const where = `--data ${shellWord(images.data)} --split ${split}`;
      const asked = [
        ...(images.fold === undefined ? [] : [' --fold']),
        ...(flags.retrieval ? [' --retrieval'] : []),
        ...(flags.includeTrained ? [' --include-trained'] : []),
        ...(flags.skipBad ? [' --skip-bad'] : []),
      ].join('');
      const command = `fieldmark evaluate ${shellWord(folder)} ${where}${asked}`;
      await writeReport(report, { folder, recogniser, result, command });
      print(`report: ${report}`);
    }
    if (flags.tables !== undefined) {
      const { writeTables } = await import('../evaluate/tables.ts');
      const paths = await writeTables(flags.tables, result, recogniser.manifest);
      for (const path of paths) print(`table: ${path}`);
    }
    if (flags.json) {
      const { leftOut } = result;
      printJson({ ...jsonOf(evaluation, flags.report === false ? undefined : report), leftOut });
    }
  } finally {
    await recogniser.close();
  }
}

/** What to score on: what the flags say, else what the run was trained with. */
async function imagesOf(folder: string, flags: Flags): Promise<TrainedImages> {
  const { data, format, fold } = flags;
  const { readRunConfig } = await import('../train/run-folder.ts');
  // a model without its run has no configuration, and a damaged one is not what this is about
  const config = await readRunConfig(folder).catch(() => undefined);
  if (fold && config?.fold === undefined) {
    throw usage('a run that was trained with --fold', 'one of the official splits');
  }
  if (data === undefined && config === undefined) {
    throw usage('--data <dir>, as this model knows of no photographs', 'no dataset');
  }
  const own = data === undefined;
  if (own) note(`photographs of the run: ${config!.data}`);
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
      ['images', String(e.n), `${e.classes} classes, split ${e.split}`],
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

function jsonOf(e: Evaluation, report: string | undefined) {
  const { top1, top5, perClassMean, n, split, levels, scales, interval } = e;
  const { ece, nll, brier, temperature } = e;
  return {
    seen: e.seen,
    caution: (e.seen && seenBanner(e.seen)) ?? null,
    retrieval: e.retrieval,
    top1,
    top5,
    perClassMean,
    n,
    split,
    levels,
    scales,
    interval,
    ece,
    nll,
    brier,
    temperature,
    report,
  };
}
