// fieldmark explain

import { basename, extname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { FieldmarkError, fail } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import { shownName } from '../recognise/class-name.ts';
import { cutInWords } from '../recognise/cut-object.ts';
import { percent } from '../recognise/evidence-caption.ts';
import type { FindPhoto, KnownPhoto } from '../recognise/known-photo.ts';
import type { Answer, PredictOptions, Recogniser } from '../recognise/recogniser.ts';
import { boxNumbers, boxToSee } from './box-option.ts';
import { imageOptions, maxPixelsOf, wholeNumber } from './options.ts';
import { note, print, printJson, showProgress } from './output.ts';
import { photosOf } from './photo-arguments.ts';

interface Flags {
  out: string;
  topK: number;
  versus?: string;
  box?: Box;
  threads?: number;
  skipBad?: boolean;
  maxMegapixels?: number;
  json?: boolean;
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('draw where an answer came from: object, box, where it looked, class activation')
    .argument('<run>', 'run folder, or a folder with model.onnx and fieldmark.json')
    .argument('<photo...>', 'image files, or folders that hold some')
    .option('--out <dir>', 'folder for the pictures', 'explained')
    .option('-k, --top-k <n>', 'answers in the caption', wholeNumber(1), 5)
    .option('--versus <class>', 'draw what separates the answer from this rival')
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

async function run(folder: string, named: string[], flags: Flags): Promise<void> {
  const { versus, threads } = flags;
  const photos = await photosOf('explain', named);
  const pictures = pictureNames(photos).map((name) => join(flags.out, name));
  mustKeepPhotos(photos, pictures);
  const { loadRecogniser } = await import('../recognise/load-recogniser.ts');
  const { encodePng } = await import('../data/image/decode.ts');
  const { writeAtomic } = await import('../formats/atomic-file.ts');
  const recogniser = await loadRecogniser(folder, { threads, contrast: versus !== undefined });
  const within = boxToSee(recogniser, photos, flags.box);
  const maxPixels = maxPixelsOf(flags.maxMegapixels);
  const explain =
    versus === undefined
      ? await plainly(folder, recogniser, { topK: flags.topK, within, maxPixels })
      : await againstRival(folder, recogniser, { rival: versus, within, maxPixels });
  const results: unknown[] = [];
  try {
    for (const [i, photo] of photos.entries()) {
      const explained = await explain(photo).catch((cause) => {
        // the others can still be explained
        const goOn = photos.length > 1 || (flags.skipBad && cause.code === 'FM_IMAGE');
        if (goOn && isAboutPhoto(cause, photo)) return cause;
        throw cause;
      });
      if (explained instanceof FieldmarkError) {
        if (explained.code === 'FM_IMAGE' && !flags.skipBad) process.exitCode = 1;
        note(explained.message);
        results.push({ photo, problem: explained.message });
        continue;
      }
      const { picture, words, facts } = explained;
      await writeAtomic(pictures[i], await encodePng(picture));
      print(`${photo}: ${words} -> ${pictures[i]}`);
      results.push({ photo, picture: pictures[i], ...facts });
    }
  } finally {
    await recogniser.close();
  }
  if (flags.json) printJson({ explanations: results });
}

/** True where the photograph cannot be used, or the rival that was named is the answer for it. */
function isAboutPhoto(cause: unknown, photo: string): cause is FieldmarkError {
  const known = cause instanceof FieldmarkError && ['FM_USAGE', 'FM_IMAGE'].includes(cause.code);
  return known && cause.message.startsWith(`${photo}: `);
}

/** The picture of a photograph, what is printed of it, and what programs are told. */
type Explain = (photo: string) => Promise<{ picture: RawImage; words: string; facts: object }>;

async function plainly(
  folder: string,
  recogniser: Recogniser,
  asked: PredictOptions,
): Promise<Explain> {
  const { explainPhoto } = await import('../recognise/explain.ts');
  const { comparesPlaces } = await import('../recognise/known-photo.ts');
  const tells = comparesPlaces(recogniser);
  if (!tells && recogniser.session.outputNames.includes('descriptors')) {
    note(
      "the model does not say where its places are: 'fieldmark train --resume' exports it again",
    );
  }
  const find = tells ? await nearestOrNone(folder, recogniser) : undefined;
  return async (photo) => {
    const options = { ...asked, nearest: find?.(photo) };
    const explained = await explainPhoto(recogniser, photo, options);
    const { picture, prediction, box, nearest } = explained;
    const { answers, evidence } = prediction;
    const [{ name, confidence }] = answers;
    const words = `${shownName(name)} (${percent(confidence)})`;
    const { mode } = recogniser.geometry;
    const cut = asked.within === undefined ? cutInWords(box, evidence.crop, mode) : undefined;
    if (cut !== undefined) note(`${photo}: ${cut}`);
    const facts = {
      answers,
      box,
      cut,
      boxes: evidence.boxes,
      nearest: factsOf({ [name]: nearest }),
    };
    return { picture, words, facts };
  };
}

async function againstRival(
  folder: string,
  recogniser: Recogniser,
  asked: { readonly rival: string; readonly within?: Box; readonly maxPixels?: number },
): Promise<Explain> {
  const { explainVersus } = await import('../recognise/explain-versus.ts');
  const find = await nearestOrNone(folder, recogniser);
  return async (photo) => {
    const options = { ...asked, nearest: find(photo) };
    const explained = await explainVersus(recogniser, photo, options);
    const { picture, answer, rival, nearest } = explained;
    const named = (one: Answer) => `${shownName(one.name)} (${percent(one.confidence)})`;
    const both = { [answer.name]: nearest.answer, [rival.name]: nearest.rival };
    return {
      picture,
      words: `${named(answer)}, not ${named(rival)}`,
      facts: { answer, rival, nearest: factsOf(both) },
    };
  };
}

/** By class: the photograph, its cosine and which places look alike. */
function factsOf(nearest: Readonly<Record<string, KnownPhoto | undefined>>) {
  const known = Object.entries(nearest).map(([name, photo]) => {
    if (photo === undefined) return [name, undefined];
    const { path, similarity, pairs } = photo;
    return [name, { path, similarity, pairs }];
  });
  return Object.fromEntries(known);
}

/** Finds neighbours among the run's training images; where they are gone it says so, once. */
async function nearestOrNone(
  folder: string,
  recogniser: Recogniser,
): Promise<(photo: string) => FindPhoto> {
  const { openNearest } = await import('../train/nearest-photos.ts');
  let told = false;
  const without = (cause: unknown) => {
    if (!(cause instanceof FieldmarkError)) throw cause;
    if (!told) note(`drawn without the nearest training photographs: ${cause.message}`);
    told = true;
    return undefined;
  };
  const find = await openNearest(folder, recogniser, showProgress).catch(without);
  return (photo) =>
    async ({ embedding }, className) =>
      await find?.(photo, embedding, className).catch(without);
}

/** `<photo>.png`, numbered where two photographs have the same name. */
function pictureNames(photos: readonly string[]): string[] {
  const taken = new Set<string>();
  return photos.map((photo) => {
    const stem = basename(photo, extname(photo));
    let name = `${stem}.png`;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${stem}-${n}.png`;
    taken.add(name.toLowerCase());
    return name;
  });
}

/** A picture never takes the place of a photograph. */
function mustKeepPhotos(photos: readonly string[], pictures: readonly string[]): void {
  const own = new Set(photos.map((photo) => resolve(photo)));
  const lost = pictures.find((picture) => own.has(resolve(picture)));
  if (lost === undefined) return;
  throw fail('FM_USAGE', '--out', {
    expected: 'a folder in which no picture would replace one of the photographs',
    got: `one where the evidence would be written over '${lost}'`,
    next: 'Name another folder.',
  });
}
