// fieldmark aviary

import { Command, Option } from 'commander';
import { interruptible, wholeNumber } from './options.ts';
import { print, printJson, showProgress } from './output.ts';
import { commandLine } from './shell-word.ts';

interface Flags {
  classes: number;
  train: number;
  test: number;
  size: number;
  seed: number;
  noise: number;
  difficulty: 'easy' | 'standard' | 'hard';
  json?: boolean;
}

export function aviaryCommand(): Command {
  return new Command('aviary')
    .description('draw a dataset of birds whose species differ in field marks only')
    .argument('<dir>', 'folder to make, in CUB-200-2011 layout')
    .option('--classes <n>', 'species', wholeNumber(2), 12)
    .option('--train <n>', 'training images of each species', wholeNumber(1), 120)
    .option('--test <n>', 'test images of each species', wholeNumber(0), 30)
    .option('--size <pixels>', 'side of the images, which are square', wholeNumber(32), 160)
    .option('--seed <n>', 'seed of every random draw', wholeNumber(), 0)
    .option('--noise <share>', 'share of training labels that are wrong', Number, 0)
    .addOption(
      new Option('--difficulty <name>', 'pose, occlusion and light')
        .choices(['easy', 'standard', 'hard'])
        .default('standard'),
    )
    .option('--json', 'end with one line of JSON')
    .action(run);
}

async function run(out: string, flags: Flags): Promise<void> {
  const { writeAviary } = await import('../data/aviary/write-aviary.ts');
  const summary = await writeAviary({
    out,
    classes: flags.classes,
    trainPerClass: flags.train,
    testPerClass: flags.test,
    imageSize: flags.size,
    seed: flags.seed,
    labelNoise: flags.noise,
    difficulty: flags.difficulty,
    onProgress: (done, total) => showProgress({ task: 'drawing birds', done, total }),
    signal: interruptible(),
  });
  print(
    `${summary.classes} species in ${summary.genera} genera: ${summary.train} training and ${summary.test} test images in ${out}`,
  );
  print('next:');
  print(`  ${commandLine('train', '--data', out, '--weights', 'none')}`);
  if (flags.json) printJson({ ...summary, out });
}
