// fieldmark evaluate

import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { Split } from '../core/example.ts';
import type { Evaluation } from '../evaluate/summary.ts';
import { interruptible, wholeNumber } from './options.ts';
import { percent, print, printJson, showProgress, table } from './output.ts';

interface Flags {
  data: string;
  format?: string;
  split: Split;
  threads?: number;
  workers?: number;
  report?: string | boolean;
  json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('score a trained model on one split of a dataset and write report.html')
    .argument('<run>', 'run folder, or a folder with model.onnx and fieldmark.json')
    .requiredOption('--data <dir>', 'dataset folder')
    .option('--format <name>', 'dataset format, if it is not to be found out')
    .addOption(
      new Option('--split <name>', 'which images')
        .choices(['train', 'val', 'test'])
        .default('test'),
    )
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
  const recogniser = await loadRecogniser(folder, { threads: flags.threads });
  try {
    const result = await evaluateModel(recogniser, {
      data: flags.data,
      format: flags.format,
      split: flags.split,
      workers: flags.workers,
      onProgress: showProgress,
      signal: interruptible(),
    });
    const { evaluation } = result;
    printEvaluation(evaluation);
    const report = typeof flags.report === 'string' ? flags.report : join(folder, 'report.html');
    if (flags.report !== false) {
      const command = `fieldmark evaluate ${folder} --data ${flags.data} --split ${flags.split}`;
      await writeReport(report, { folder, recogniser, result, command });
      print(`report: ${report}`);
    }
    if (flags.json) printJson(jsonOf(evaluation, flags.report === false ? undefined : report));
  } finally {
    await recogniser.close();
  }
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
      ['images', String(e.n), `${e.classes} classes, split ${e.split}`],
    ]),
  );
  const worst = e.confusions.slice(0, 5);
  if (worst.length === 0) return;
  print('most confused:');
  for (const { truth, answer, count } of worst) print(`  ${truth} taken for ${answer}: ${count}`);
}

function jsonOf(e: Evaluation, report: string | undefined) {
  const { top1, top5, perClassMean, n, split, levels, scales, interval } = e;
  const { ece, nll, brier, temperature } = e;
  return {
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
