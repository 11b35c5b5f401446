// fieldmark compare

import { basename, resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Compared, ComparisonResult } from '../compare/result.ts';
import {
  budgetLines,
  claimText,
  differenceText,
  failureText,
  findingLines,
  leadLines,
  minutesText,
  passesText,
  probability,
  recallTexts,
  share,
  spreadText,
} from '../compare/words.ts';
import { errorTable, fail } from '../core/errors.ts';
import type { Split } from '../core/example.ts';
import type { RunConfigInput } from '../train/config.ts';
import { readMethods } from './method-list.ts';
import {
  collect,
  gatherConfig,
  imageOptions,
  interruptible,
  maxPixelsOf,
  wholeNumber,
} from './options.ts';
import { clock, note, print, printJson, showProgress, table } from './output.ts';
import { commandLine } from './shell-word.ts';
import { show } from './train.ts';

interface Flags {
  methods?: string;
  data?: string;
  format?: string;
  splits?: string;
  oneClass?: boolean;
  backbone?: string;
  weights?: string;
  offline?: boolean;
  size?: number;
  epochs?: number;
  seed?: number;
  refit?: boolean;
  threads?: number;
  workers?: number;
  skipBad?: boolean;
  maxMegapixels?: number;
  device?: string;
  lowering?: string;
  folds: number;
  foldSeed: number;
  seeds: number;
  split: Split;
  out?: string;
  config?: string;
  set?: string[];
  json?: boolean;
}

export function compareCommand(): Command {
  return new Command('compare')
    .description('cross-validate methods on the same folds, or set finished runs side by side')
    .argument('[run...]', 'finished runs on the same data; without them, --methods are trained')
    .option(
      '--methods <list>',
      "names, with settings of their own behind colons: 'finetune,finetune:stages.all.rate=0.01'",
    )
    .option('--data <dir>', 'dataset folder')
    .option('--format <name>', 'dataset format, if it is not to be found out')
    .addOption(
      new Option('--splits <how>', 'none: the folders in --data are classes, not splits').choices([
        'auto',
        'none',
      ]),
    )
    .option('--one-class', 'compare although there is a single class')
    .option('--folds <n>', 'folds over all images of the dataset', wholeNumber(2), 5)
    .option('--fold-seed <n>', 'seed of the cut into folds', wholeNumber(), 0)
    .option('--seeds <n>', 'repetitions, each with a seed of its own', wholeNumber(1), 1)
    .option('--out <dir>', 'folder for runs and report; the same command continues there')
    .option('--backbone <name>', 'network of all methods, or onnx:FILE for a frozen one')
    .option(
      '--weights <name>',
      'what all start from: a file, a name as in train, or none (default: those of the backbone)',
    )
    .option('--offline', 'fetch nothing: weights must be files or in the cache')
    .option('--size <pixels>', 'side of the square that the networks see', wholeNumber(32))
    .option('--epochs <n>', 'epochs of the whole network, the same for all', wholeNumber(1))
    .option('--seed <n>', 'seed of the first repetition (default: 0)', wholeNumber())
    .option('--refit', 'train each run on all of its training images once the epoch is chosen')
    .option('--threads <n>', 'threads of the engine (default: all processors)', wholeNumber(1))
    .option('--workers <n>', 'threads that decode images (default: 1)', wholeNumber())
    .addOption(imageOptions.skipBad)
    .addOption(imageOptions.maxMegapixels)
    .option('--device <name>', 'where steps run (default: cpu)')
    .option('--lowering <name>', 'how steps are written (default: auto)')
    .option('--config <file>', 'settings of all methods in JSON or TOML; flags win over it')
    .option('--set <key=value>', 'one setting of all methods; repeatable', collect)
    .addOption(
      new Option('--split <name>', 'for finished runs: which images')
        .choices(['val', 'test'])
        .default('test'),
    )
    .option('--json', 'end with one line of JSON')
    .action(run);
}

/** What finished runs are compared with; everything else is theirs already. */
const OF_RUNS: readonly string[] = [
  'data',
  'split',
  'threads',
  'workers',
  'skipBad',
  'maxMegapixels',
  'out',
  'json',
];

async function run(runs: string[], flags: Flags, command: Command): Promise<void> {
  if (runs.length > 0 && flags.methods !== undefined) {
    throw usage('either finished runs or --methods', 'both');
  }
  if (runs.length === 1) throw usage('at least two runs', 'one');
  const given = command.options.filter(
    (option) => command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  const named = given.map((option) => option.attributeName());
  const strange = named.findIndex((name) =>
    runs.length > 0 ? !OF_RUNS.includes(name) : name === 'split',
  );
  if (strange >= 0) {
    const what = runs.length > 0 ? 'finished runs' : 'methods that are trained on folds';
    throw usage(`flags that say something to ${what}`, given[strange].long!);
  }
  if (runs.length > 0) await sideBySide(runs, flags);
  else await crossValidate(flags);
}

async function crossValidate(flags: Flags): Promise<void> {
  const { methods, folds, foldSeed, seeds, out, config: file, set = [], json, ...rest } = flags;
  const { split: _, ...given } = rest;
  if (methods === undefined) throw usage('--methods <list>, or finished runs', 'neither');
  const common = await gatherConfig(file, set, { ...given });
  if (typeof common.data !== 'string') throw usage('--data <dir>', 'no dataset');
  if (out === undefined) throw usage('--out <dir>, where the runs are kept', 'none');
  const contestants = await readMethods(methods);
  const { compareMethods } = await import('../compare/compare-methods.ts');
  const { resultOf } = await import('../compare/result.ts');
  const began = performance.now();
  const compared = await compareMethods({
    out,
    contestants,
    common: common as unknown as RunConfigInput,
    folds,
    foldSeed,
    seeds,
    onEvent: show,
    signal: interruptible('stopping after a checkpoint'),
  });
  const result = resultOf(compared.answered, { budgets: compared.budgets });
  printResult(result, compared);
  const { writeComparison } = await import('../compare/write-comparison.ts');
  const times = seeds === 1 ? '' : `, ${seeds} seeds`;
  const written = await writeComparison(out, {
    title: `Comparison on ${basename(resolve(common.data))}`,
    subtitle: `${folds}-fold cross-validation over all ${result.n} images${times}`,
    compared,
    result,
    command: commandOf(),
    config: common,
  });
  print(`report: ${written.page}; figures: ${written.json}`);
  print(`in ${clock((performance.now() - began) / 1000)}`);
  const { failed, findings } = compared;
  if (json) printJson({ ...result, failed, findings, out, report: written.page });
  if (failed.length > 0) process.exitCode = errorTable.FM_TRAINING.exit;
}

async function sideBySide(runs: string[], flags: Flags): Promise<void> {
  const { data, split, threads, workers, out, json } = flags;
  const { compareRuns } = await import('../compare/side-by-side.ts');
  const { resultOf } = await import('../compare/result.ts');
  const compared = await compareRuns({
    runs,
    data,
    split,
    skipBad: flags.skipBad,
    maxPixels: maxPixelsOf(flags.maxMegapixels),
    threads,
    workers,
    onProgress: showProgress,
    onNote: note,
    signal: interruptible(),
  });
  const result = resultOf(compared.answered, { budgets: compared.budgets });
  printResult(result, compared);
  let report: string | undefined;
  if (out !== undefined) {
    const { writeComparison } = await import('../compare/write-comparison.ts');
    const written = await writeComparison(out, {
      title: `${runs.length} runs side by side`,
      subtitle: `${result.n} images, split ${split}`,
      compared,
      result,
      command: commandOf(),
    });
    report = written.page;
    print(`report: ${report}`);
  }
  if (json) printJson({ ...result, findings: compared.findings, report });
}

/** The table, for people. */
function printResult(result: ComparisonResult, compared: Compared): void {
  const { rows } = result;
  const seeds = rows[0].top1BySeed.length > 1;
  const heading = ['method', 'top-1', ...(seeds ? ['over seeds'] : []), 'per class', 'recall@1'];
  const against = [`against ${rows[0].label} (90 %)`, 'McNemar p', 'claim', 'passes', 'minutes'];
  const lines = rows.map((row) => [
    nameOf(row),
    share(row.top1),
    ...(seeds ? [spreadText(row)] : []),
    share(row.perClassMean),
    recallTexts(row).join(', '),
    differenceText(row),
    row.difference === null ? '' : probability(row.difference.mcnemar),
    claimText(row),
    passesText(row),
    minutesText(row),
  ]);
  const columns = [...heading, ...against];
  const { failed } = compared;
  const without = failed.map((one) => [nameOf(one), 'failed', ...columns.slice(2).map(() => '')]);
  print(table([columns, ...lines, ...without]));
  for (const line of leadLines(result)) print(line);
  for (const line of budgetLines(result)) print(line);
  for (const one of failed) print(failureText(one));
  for (const line of findingLines(compared)) print(line);
}

function nameOf({ label, baseline }: { readonly label: string; readonly baseline: boolean }) {
  return `${label}${baseline ? ' (baseline)' : ''}`;
}

/** The command line as it was given, so that it can be pasted. */
function commandOf(): string {
  return commandLine(...process.argv.slice(2));
}

function usage(expected: string, got: string) {
  return fail('FM_USAGE', 'compare', { expected, got, next: "See 'fieldmark compare --help'." });
}
