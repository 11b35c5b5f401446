// fieldmark train

import { access, readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { errorTable, FieldmarkError, fail } from '../core/errors.ts';
import { deviceChoices, loweringChoices } from '../runtime/choices.ts';
import type { TrainEvent, TrainSummary } from '../train/events.ts';
import {
  collect,
  foldSettings,
  gatherConfig,
  imageOptions,
  interruptible,
  shareSettings,
  threeNumbers,
  wholeNumber,
} from './options.ts';
import { note, percent, print, printJson, showProgress } from './output.ts';
import { commandLine } from './shell-word.ts';

interface Flags {
  data?: string;
  format?: string;
  splits?: string;
  oneClass?: boolean;
  method?: string;
  backbone?: string;
  feature?: string;
  mean?: number[];
  std?: number[];
  padding?: string;
  weights?: string;
  offline?: boolean;
  fold?: readonly string[];
  holdOut?: readonly string[];
  size?: number;
  stages?: string;
  epochs?: number;
  seed?: number;
  refit?: boolean;
  norms?: string;
  threads?: number;
  device?: string;
  lowering?: string;
  workers?: number;
  skipBad?: boolean;
  maxMegapixels?: number;
  out?: string;
  resume?: boolean;
  overwrite?: boolean;
  config?: string;
  set?: string[];
  json?: boolean;
}

export function trainCommand(): Command {
  return new Command('train')
    .description('train a recogniser; ends with model/model.onnx and model/fieldmark.json')
    .option(
      '--data <dir>',
      'dataset folder: CUB-200-2011 layout, Grocery Store, class folders, or labels.csv',
    )
    .option('--format <name>', 'dataset format, if it is not to be found out')
    .addOption(
      new Option('--splits <how>', 'none: the folders in --data are classes, not splits').choices([
        'auto',
        'none',
      ]),
    )
    .option('--one-class', 'train although there is a single class')
    .option('--method <name>', "how to train (default: finetune; see 'fieldmark methods')")
    .option(
      '--backbone <name>',
      "network (default: mobilenet_v2, with --weights none resnet_tiny; see 'fieldmark backbones'), or onnx:FILE for a frozen one",
    )
    .option(
      '--weights <name>',
      'a file, hf:<owner>/<repository>, an https address, or none (default: those of the backbone)',
    )
    .option('--feature <tensor>', 'of onnx:FILE: the tensor that holds the features')
    .option(
      '--mean <r,g,b>',
      'mean of pixels in 0..1 that the weights or onnx:FILE expect',
      threeNumbers,
    )
    .option('--std <r,g,b>', 'their standard deviation', threeNumbers)
    .addOption(
      new Option('--padding <style>', 'how the weights were trained to pad').choices([
        'torch',
        'same',
      ]),
    )
    .option('--offline', 'fetch nothing: weights must be files or in the cache')
    .option(
      '--size <pixels>',
      'side of the square the network sees (default: 224, with --weights none 112)',
      wholeNumber(32),
    )
    .option(
      '--hold-out <share>',
      'keep a share of each class back to test on, such as 0.2, for data without a test split',
      shareSettings,
    )
    .option('--fold <i/n>', 'hold back fold i of n of all images as the test split', foldSettings)
    .option('--stages <name>', 'stop after this stage: head, all (default: all)')
    .option('--epochs <n>', 'epochs of the whole network (or of the last stage)', wholeNumber(1))
    .option('--seed <n>', 'seed of every random draw (default: 0)', wholeNumber())
    .option('--refit', 'choose on validation images, then train on all of train')
    .addOption(
      new Option('--norms <mode>', 'batch norm statistics').choices(['auto', 'frozen', 'batch']),
    )
    .option('--threads <n>', 'threads of the engine (default: all processors)', wholeNumber(1))
    .addOption(
      new Option('--device <name>', 'where steps run (default: cpu)').choices([...deviceChoices]),
    )
    .addOption(
      new Option('--lowering <name>', 'how steps are written (default: auto)').choices([
        ...loweringChoices,
      ]),
    )
    .option('--workers <n>', 'threads that decode images (default: 1)', wholeNumber())
    .addOption(imageOptions.skipBad)
    .addOption(imageOptions.maxMegapixels)
    .option('--out <dir>', 'run folder (default: runs/<data>-<method>-<backbone>-<n>)')
    .option('--resume', 'continue the run in --out')
    .option('--overwrite', 'replace the run in --out')
    .option('--config <file>', 'settings in JSON or TOML; flags win over it')
    .option('--set <key=value>', 'one setting, such as stages.all.rate=0.02; repeatable', collect)
    .option('--json', 'end with one line of JSON')
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const { out, resume, overwrite, config: file, set = [], json, ...others } = flags;
  const { fold = [], holdOut = [], feature, mean, std, padding, ...rest } = others;
  if (resume && overwrite) {
    throw usage('either --resume or --overwrite', 'both');
  }
  const { train } = await import('../train/train.ts');
  const { hasRun, readRunConfig } = await import('../train/run-folder.ts');
  // what is not said of a run that goes on stays as it was
  const goesOn = resume && out !== undefined && (await hasRun(resolve(out)));
  const before = goesOn ? await readRunConfig(resolve(out)) : undefined;
  const config = await gatherConfig(
    file,
    [...set, ...fold, ...holdOut],
    { ...rest },
    { ...before },
  );
  addTo(config, 'trunk', { feature });
  addTo(config, 'input', { mean, std, padding });
  if (typeof config.data !== 'string') throw usage('--data <dir>', 'no dataset');
  if (resume && out === undefined) throw usage('--out <dir> with --resume', 'no run folder');
  const folder = out ?? (await nextRunFolder(config));
  const summary = await train({
    out: folder,
    config: config as never,
    mode: resume ? 'resume' : overwrite ? 'overwrite' : 'new',
    onEvent: show,
    signal: interruptible('stopping after a checkpoint'),
  }).catch(async (cause) => {
    // what an earlier run saved is not this one's
    if (!overwrite) await tellHowToGoOn(folder, cause);
    throw cause;
  });
  report(summary, folder);
  if (json) printJson(summary);
  if (summary.diverged.length > 0) process.exitCode = errorTable.FM_TRAINING.exit;
}

/** A photograph or a disk that fails in the middle of a run ends it, and does not undo it. */
async function tellHowToGoOn(folder: string, cause: unknown): Promise<void> {
  const code = cause instanceof FieldmarkError ? cause.code : undefined;
  if (code !== 'FM_IMAGE' && code !== 'FM_DISK') return;
  const { runPaths } = await import('../train/run-folder.ts');
  const isSaved = await access(runPaths(resolve(folder)).checkpoint).then(
    () => true,
    () => false,
  );
  if (!isSaved) return;
  note(
    'what was trained is kept: when that is put right, ' +
      `${commandLine('train', '--out', folder, '--resume')} goes on`,
  );
}

/** Adds what was given to the object under a key. */
function addTo(config: Record<string, unknown>, key: string, fields: object): void {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  if (given.length === 0) return;
  config[key] = { ...(config[key] as object | undefined), ...Object.fromEntries(given) };
}

function usage(expected: string, got: string) {
  return fail('FM_USAGE', 'train', { expected, got, next: "See 'fieldmark train --help'." });
}

/** `runs/<data>-<method>-<backbone>-<n>`, the first n that is free. */
async function nextRunFolder(config: Record<string, unknown>): Promise<string> {
  const { parseConfig } = await import('../train/config.ts');
  const { trunkPath } = await import('../hub/trunk-options.ts');
  const { plainName } = await import('../formats/own-module.ts');
  const { data, method, backbone } = parseConfig(config);
  const path = trunkPath(backbone);
  const network = path === undefined ? backbone : basename(path, '.onnx');
  const stem = `${basename(resolve(data))}-${plainName(method)}-${plainName(network)}`;
  const taken = new Set(await readdir('runs').catch(() => []));
  let n = 1;
  while (taken.has(`${stem}-${n}`)) n++;
  return join('runs', `${stem}-${n}`);
}

export function show(event: TrainEvent): void {
  if (event.kind === 'note') note(event.text);
  else if (event.kind === 'progress') showProgress(event);
  else if (worthALine(event)) {
    const { stage, refit, epoch, epochs, loss, valTop1, valScales = {} } = event;
    const scales = Object.entries(valScales).map(([name, top1]) => `${name} ${percent(top1)}`);
    const of = scales.length > 0 ? ` (${scales.join(', ')})` : '';
    const validation = valTop1 === null ? '' : `  validation top-1 ${percent(valTop1)}${of}`;
    note(
      `${refit ? 'refit ' : ''}${stage} epoch ${epoch}/${epochs}  loss ${loss.toFixed(4)}${validation}`,
    );
  }
}

/** Stages of many short epochs show about ten of them. */
function worthALine({ epoch, epochs }: { epoch: number; epochs: number }): boolean {
  const every = epochs <= 40 ? 1 : Math.ceil(epochs / 10);
  return epoch % every === 0 || epoch === epochs;
}

function report(summary: TrainSummary, folder: string): void {
  for (const { stage, epoch, top1 } of summary.stages) {
    const how = top1 === null ? '' : `, validation top-1 ${percent(top1)}`;
    print(epoch === 0 ? `${stage}: passed over` : `${stage}: epoch ${epoch} chosen${how}`);
  }
  for (const finding of summary.findings) print(`note: ${finding}`);
  print(
    `${summary.classes} classes from ${summary.trainImages} images; model in ${join(folder, 'model')}`,
  );
  print('next:');
  // what a run knows of its images, evaluate finds by itself
  if (summary.evaluateOn !== null) print(`  ${commandLine('evaluate', folder)}`);
  print(`  ${commandLine('predict', folder, 'PHOTO.jpg')}`);
}
