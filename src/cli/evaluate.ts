// fieldmark evaluate

import { join } from 'node:path';
import { Command, Option } from 'commander';
import { fail } from '../core/errors.ts';
import type { Split } from '../core/example.ts';
import type { Retrieval, RetrievalByLevel } from '../evaluate/retrieval.ts';
import type { Evaluation } from '../evaluate/summary.ts';
import { interruptible, wholeNumber } from './options.ts';
import { note, percent, print, printJson, showProgress, table } from './output.ts';

interface Flags {
  data?: string;
  format?: string;
  split: Split;
  fold?: boolean;
  threads?: number;
  workers?: number;
  retrieval?: boolean;
  report?: string | boolean;
  json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('score a trained model on one split of a dataset and write report.html')
    .argument('<run>', 'run folder, or a folder with model.onnx and fieldmark.json')
    .option('--data <dir>', 'dataset folder (with --fold: that of the run)')
    .option('--format <name>', 'dataset format, if it is not to be found out')
    .addOption(
      new Option('--split <name>', 'which images')
        .choices(['train', 'val', 'test'])
        .default('test'),
    )
    .option('--fold', 'for a run of one fold: the splits that it was trained with')
    .option('--retrieval', 'also let each image query the others by its embedding')
    .option('--threads <n>', 'threads of the engine (default: all processors)', wholeNumber(1))
    .option('--workers <n>', 'threads that decode images (default: 1)', wholeNumber())
    .option('--report <file>', 'where to write the report (default: report.html in the run folder)')
    .option('--no-report', 'write no report')
    .option('--json', 'end with one line of JSON')
    .action(run);
}

async function run(folder: string, flags: Flags): Promise<void> {
  const { loadRecogniser } = await import('../recognise/recogniser.ts');
  const { evaluateModel } = await import('../evaluate/evaluate.ts');
  const { writeReport } = await import('./report.ts');
  const { data, format, fold } = await imagesOf(folder, flags);
  const recogniser = await loadRecogniser(folder, { threads: flags.threads });
  try {
    const result = await evaluateModel(recogniser, {
      data,
      format,
      fold,
      split: flags.split,
      retrieval: flags.retrieval,
      workers: flags.workers,
      onProgress: showProgress,
      onNote: note,
      signal: interruptible(),
    });
    const { evaluation } = result;
    printEvaluation(evaluation);
    if (flags.retrieval && evaluation.retrieval === undefined) {
      note('no retrieval figures: images or their embeddings are too many to hold in memory');
    }
    const report = typeof flags.report === 'string' ? flags.report : join(folder, 'report.html');
    if (flags.report !== false) {
      const images = `--data ${data} --split ${flags.split}${fold === undefined ? '' : ' --fold'}`;
      const asked = flags.retrieval ? ' --retrieval' : '';
      const command = `fieldmark evaluate ${folder} ${images}${asked}`;
      await writeReport(report, { folder, recogniser, result, command });
      print(`report: ${report}`);
    }
    if (flags.json) printJson(jsonOf(evaluation, flags.report === false ? undefined : report));
  } finally {
    await recogniser.close();
  }
}

/** What to score on: what the flags say, and what a run of one fold was trained with. */
async function imagesOf(folder: string, { data, format, fold }: Flags) {
  const { readRunConfig } = await import('../train/run-folder.ts');
  if (fold === true) {
    const config = await readRunConfig(folder);
    if (config.fold !== undefined) {
      return { data: data ?? config.data, format: format ?? config.format, fold: config.fold };
    }
    throw usage('a run that was trained with --fold', 'one of the official splits');
  }
  if (data === undefined) throw usage('--data <dir>', 'no dataset');
  // a model without its run has no configuration, and a damaged one is not what this is about
  const config = await readRunConfig(folder).catch(() => undefined);
  if (config?.fold !== undefined) {
    const { foldInWords } = await import('../data/folds.ts');
    note(
      `this run is ${foldInWords(config.fold)} of all images: it has seen most of this split; ` +
        '--fold scores what it was not shown',
    );
  }
  return { data, format, fold: undefined };
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
      ['top-5', percent(e.top5, 2), ''],
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
  for (const { truth, answer, count } of worst) print(`  ${truth} taken for ${answer}: ${count}`);
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
