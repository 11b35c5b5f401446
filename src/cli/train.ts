// fieldmark train

import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { fail } from '../core/errors.ts';
import { deviceChoices, loweringChoices } from '../runtime/choices.ts';
import type { TrainEvent, TrainSummary } from '../train/events.ts';
import { collect, gatherConfig, interruptible, wholeNumber } from './options.ts';
import { note, percent, print, printJson, showProgress } from './output.ts';

interface Flags {
  data?: string;
  format?: string;
  method?: string;
  backbone?: string;
  weights?: string;
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
    .option('--data <dir>', 'dataset folder: CUB-200-2011 layout, Grocery Store, or class folders')
    .option('--format <name>', 'dataset format, if it is not to be found out')
    .option('--method <name>', "how to train (default: finetune; see 'fieldmark methods')")
    .option(
      '--backbone <name>',
      "network (default: mobilenet_v2, without weights resnet_tiny; see 'fieldmark backbones')",
    )
    .option('--weights <file>', 'safetensors to start from, or none for random numbers')
    .option(
      '--size <pixels>',
      'side of the square the network sees (default: 224, without weights 112)',
      wholeNumber(32),
    )
    .option('--stages <name>', 'stop after this stage: head, all (default: all)')
    .option('--epochs <n>', 'epochs of the last stage', wholeNumber(1))
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
    .option('--out <dir>', 'run folder (default: runs/<data>-<method>-<backbone>-<n>)')
    .option('--resume', 'continue the run in --out')
    .option('--overwrite', 'replace the run in --out')
    .option('--config <file>', 'settings in JSON or TOML; flags win over it')
    .option('--set <key=value>', 'one setting, such as stages.all.rate=0.02; repeatable', collect)
    .option('--json', 'end with one line of JSON')
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const { out, resume, overwrite, config: file, set = [], json, ...rest } = flags;
  if (resume && overwrite) {
    throw usage('either --resume or --overwrite', 'both');
  }
  const { train } = await import('../train/train.ts');
  const { readRunConfig } = await import('../train/run-folder.ts');
  let config = await gatherConfig(file, set, { ...rest });
  if (resume && out !== undefined && config.data === undefined) {
    config = { ...(await readRunConfig(resolve(out))), ...config };
  }
  if (typeof config.data !== 'string') throw usage('--data <dir>', 'no dataset');
  if (resume && out === undefined) throw usage('--out <dir> with --resume', 'no run folder');
  const folder = out ?? (await nextRunFolder(config));
  const summary = await train({
    out: folder,
    config: config as never,
    mode: resume ? 'resume' : overwrite ? 'overwrite' : 'new',
    onEvent: show,
    signal: interruptible('stopping after a checkpoint'),
  });
  report(summary, folder, config.data);
  if (json) printJson(summary);
}

function usage(expected: string, got: string) {
  return fail('FM_USAGE', 'train', { expected, got, next: "See 'fieldmark train --help'." });
}

/** `runs/<data>-<method>-<backbone>-<n>`, the first n that is free. */
async function nextRunFolder(config: Record<string, unknown>): Promise<string> {
  const { parseConfig } = await import('../train/config.ts');
  const { data, method, backbone } = parseConfig(config);
  const stem = `${basename(resolve(data))}-${method}-${backbone}`;
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

function report(summary: TrainSummary, folder: string, data: string): void {
  for (const { stage, epoch, top1 } of summary.stages) {
    const how = top1 === null ? '' : `, validation top-1 ${percent(top1)}`;
    print(epoch === 0 ? `${stage}: passed over` : `${stage}: epoch ${epoch} chosen${how}`);
  }
  for (const finding of summary.findings) print(`note: ${finding}`);
  print(
    `${summary.classes} classes from ${summary.trainImages} images; model in ${join(folder, 'model')}`,
  );
  print('next:');
  print(`  fieldmark evaluate ${folder} --data ${data} --split test`);
  print(`  fieldmark predict ${folder} PHOTO.jpg`);
}
