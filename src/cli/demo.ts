// fieldmark demo: the whole way on built-in data, from drawing birds to pictures with evidence.

import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { fail } from '../core/errors.ts';
import type { EvaluationRun } from '../evaluate/evaluate.ts';
import type { Recogniser } from '../recognise/recogniser.ts';
import type { RunConfigInput } from '../train/config.ts';
import { printEvaluation } from './evaluate.ts';
import { interruptible, wholeNumber } from './options.ts';
import { clock, note, percent, print, printJson, showProgress } from './output.ts';
import { commandLine, shellWord } from './shell-word.ts';
import { show } from './train.ts';

interface Flags {
  out: string;
  seed: number;
  json?: boolean;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('draw 12 species of birds, learn them from nothing, and show the evidence')
    .option(
      '--out <dir>',
      'folder for data and run; an earlier demo there is replaced',
      'runs/demo',
    )
    .option('--seed <n>', 'seed of every random draw', wholeNumber(), 0)
    .option('--json', 'end with one line of JSON')
    .action(run);
}

/** What the demo needs to learn its birds in a minute or two from random numbers. */
function demoConfig(data: string, seed: number): RunConfigInput {
  return {
    data,
    weights: 'none',
    seed,
    epochs: 10,
    // colours are field marks, and every mark must stay in the picture
    stage: { all: { augment: { scale: [0.75, 1], ratio: [0.95, 1.05], jitter: 0 } } },
  };
}

const PICTURES = 4;

async function run({ out, seed, json }: Flags): Promise<void> {
  const began = performance.now();
  const signal = interruptible();
  await makeRoom(out);
  const data = join(out, 'aviary');

  const { writeAviary } = await import('../data/aviary/write-aviary.ts');
  print('1. Drawing birds: 12 species that differ in field marks only.');
  await writeAviary({
    out: data,
    seed,
    classes: 12,
    difficulty: 'easy',
    trainPerClass: 120,
    testPerClass: 50,
    onProgress: (done, total) => showProgress({ task: 'drawing birds', done, total }),
    signal,
  });

  const { train } = await import('../train/train.ts');
  print('2. Training a small network from random numbers.');
  await train({ out, mode: 'overwrite', config: demoConfig(data, seed), onEvent: show, signal });

  const { evaluateModel } = await import('../evaluate/evaluate.ts');
  const { loadRecogniser } = await import('../recognise/load-recogniser.ts');
  print('3. Naming 600 birds that it has not seen.');
  const recogniser = await loadRecogniser(out);
  const result = await evaluateModel(recogniser, {
    data,
    split: 'test',
    onProgress: showProgress,
    signal,
  });
  printEvaluation(result.evaluation);

  print('4. Showing the evidence.');
  const report = join(out, 'report.html');
  const next = nextSteps(out);
  await writeEvidence(out, recogniser, result);
  const { writeReport } = await import('./report.ts');
  await writeReport(report, {
    folder: out,
    recogniser,
    result,
    command: commandLine('demo'),
    next,
  });
  await recogniser.close();

  const seconds = (performance.now() - began) / 1000;
  print(`report: ${report}`);
  print(`pictures: ${join(out, 'explained')}`);
  print(`${percent(result.evaluation.top1)} of the test birds named rightly, in ${clock(seconds)}`);
  print('try next:');
  for (const { command, why } of next) print(`  ${command}\n      ${why}`);
  if (json) printJson({ top1: result.evaluation.top1, report, seconds });
}

/** Removes an earlier demo; anything else in the folder is not ours to remove. */
async function makeRoom(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  if (names.length === 0) return;
  const ours = await access(join(out, 'aviary', 'aviary.json')).then(
    () => true,
    () => false,
  );
  if (!ours && !(names.length === 1 && names[0].startsWith('aviary.partial'))) {
    throw fail('FM_USAGE', out, {
      expected: 'an empty folder or an earlier demo',
      got: `other files (${names.slice(0, 3).join(', ')})`,
      next: 'Choose another --out.',
    });
  }
  note(`replacing the demo in ${out}`);
  await rm(join(out, 'aviary'), { recursive: true, force: true });
  await rm(join(out, 'explained'), { recursive: true, force: true });
}

async function writeEvidence(out: string, recogniser: Recogniser, result: EvaluationRun) {
  const { explainPhoto } = await import('../recognise/explain.ts');
  const { encodePng } = await import('../data/image/decode.ts');
  const { writeAtomic } = await import('../formats/atomic-file.ts');
  const { examples, dataset } = result;
  const every = Math.floor(examples.length / PICTURES);
  for (let i = 0; i < PICTURES; i++) {
    const example = examples[i * every];
    const truth = dataset.classes[example.label];
    const { picture } = await explainPhoto(recogniser, example.path, { truth });
    const name = `${truth.replaceAll(' ', '_')}.png`;
    await writeAtomic(join(out, 'explained', name), await encodePng(picture));
  }
}

function nextSteps(out: string): { command: string; why: string }[] {
  // the shell is to see the stars
  const photo = `${shellWord(join(out, 'aviary', 'images'))}/*/*_0121.jpg`;
  return [
    {
      command: `${commandLine('explain', out)} ${photo} --out explained`,
      why: 'where the answer for any picture came from',
    },
    {
      command: 'npx fieldmark aviary birds50 --classes 50 --difficulty hard',
      why: 'a harder set of birds',
    },
    {
      command: 'npx fieldmark train --data YOUR_PHOTOS',
      why: 'your own classes: one folder of photographs for each',
    },
  ];
}
