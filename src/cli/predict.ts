// fieldmark predict

import { Command } from 'commander';
import { FieldmarkError } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import type { Prediction } from '../recognise/recogniser.ts';
import { boxNumbers, boxToSee } from './box-option.ts';
import { imageOptions, maxPixelsOf, wholeNumber } from './options.ts';
import { percent, print, printJson } from './output.ts';

interface Flags {
  topK: number;
  box?: Box;
  threads?: number;
  skipBad?: boolean;
  maxMegapixels?: number;
  json?: boolean;
}

export function predictCommand(): Command {
  return new Command('predict')
    .description('name what is in photographs, with calibrated confidence')
    .argument('<run>', 'run folder, or a folder with model.onnx and fieldmark.json')
    .argument('<photo...>', 'image files')
    .option('-k, --top-k <n>', 'answers for each photograph', wholeNumber(1), 5)
    .option(
      '--box <x,y,width,height>',
      "the object's box in pixels, for models of boxes",
      boxNumbers,
    )
    .option('--threads <n>', 'threads of the engine (default: all processors)', wholeNumber(1))
    .addOption(imageOptions.skipBad)
    .addOption(imageOptions.maxMegapixels)
    .option('--json', 'end with one line of JSON')
    .action(run);
}

async function run(folder: string, photos: string[], flags: Flags): Promise<void> {
  const { loadRecogniser } = await import('../recognise/recogniser.ts');
  const recogniser = await loadRecogniser(folder, { threads: flags.threads });
  const within = boxToSee(recogniser, photos, flags.box);
  const { topK, skipBad } = flags;
  const options = { topK, within, maxPixels: maxPixelsOf(flags.maxMegapixels) };
  const results: unknown[] = [];
  let leftOut = 0;
  for (const photo of photos) {
    try {
      const prediction = await recogniser.predict(photo, options);
      printPrediction(photo, prediction);
      const { answers, levels } = prediction;
      results.push({ photo, answers, levels });
    } catch (cause) {
      // one bad photograph does not keep the others from being answered
      const isBad = skipBad && cause instanceof FieldmarkError && cause.code === 'FM_IMAGE';
      if (photos.length === 1 && !isBad) throw cause;
      if (isBad) leftOut++;
      else process.exitCode = 1;
      process.stderr.write(`error: ${(cause as Error).message}\n`);
      results.push({ photo, error: (cause as Error).message });
    }
  }
  await recogniser.close();
  if (leftOut > 0) print(`${leftOut} of ${photos.length} photographs left out`);
  if (flags.json) printJson({ predictions: results, ...(skipBad ? { leftOut } : {}) });
}

function printPrediction(photo: string, { answers, levels }: Prediction): void {
  print(photo);
  for (const { level, name, confidence } of levels) {
    print(`  ${percent(confidence).padStart(7)}  ${name}  (${level})`);
  }
  for (const { name, confidence } of answers)
    print(`  ${percent(confidence).padStart(7)}  ${name}`);
}
