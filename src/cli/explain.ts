// fieldmark explain

import { basename, extname, join } from 'node:path';
import { Command } from 'commander';
import { wholeNumber } from './options.ts';
import { percent, print, printJson } from './output.ts';

interface Flags {
  out: string;
  topK: number;
  threads?: number;
  json?: boolean;
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('draw where an answer came from: descriptor mask, box and class activation')
    .argument('<run>', 'run folder, or a folder with model.onnx and fieldmark.json')
    .argument('<photo...>', 'image files')
    .option('--out <dir>', 'folder for the pictures', 'explained')
    .option('-k, --top-k <n>', 'answers in the caption', wholeNumber(1), 5)
    .option('--threads <n>', 'threads of the engine (default: all processors)', wholeNumber(1))
    .option('--json', 'end with one line of JSON')
    .action(run);
}

async function run(folder: string, photos: string[], flags: Flags): Promise<void> {
  const { loadRecogniser } = await import('../recognise/recogniser.ts');
  const { explainPhoto } = await import('../recognise/explain.ts');
  const { encodePng } = await import('../data/image/decode.ts');
  const { writeAtomic } = await import('../formats/atomic-file.ts');
  const recogniser = await loadRecogniser(folder, { threads: flags.threads });
  const pictures = pictureNames(photos).map((name) => join(flags.out, name));
  const results: unknown[] = [];
  for (const [i, photo] of photos.entries()) {
    const { picture, prediction, box } = await explainPhoto(recogniser, photo, {
      topK: flags.topK,
    });
    await writeAtomic(pictures[i], await encodePng(picture));
    const [{ name, confidence }] = prediction.answers;
    print(`${photo}: ${name} (${percent(confidence)}) -> ${pictures[i]}`);
    results.push({ photo, picture: pictures[i], answers: prediction.answers, box });
  }
  await recogniser.close();
  if (flags.json) printJson({ explanations: results });
}

/** `<photo>.png`, numbered where two photographs have the same name. */
function pictureNames(photos: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return photos.map((photo) => {
    const stem = basename(photo, extname(photo));
    const n = (seen.get(stem) ?? 0) + 1;
    seen.set(stem, n);
    return n === 1 ? `${stem}.png` : `${stem}-${n}.png`;
  });
}
