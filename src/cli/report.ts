// Assembles the report of an evaluation: figures, training curves, pictures with evidence.

import { readFile } from 'node:fs/promises';
import { arch, cpus, platform } from 'node:os';
import { join } from 'node:path';
import type { EvaluationRun } from '../evaluate/evaluate.ts';
import { type GalleryItem, galleryItem } from '../evaluate/gallery.ts';
import { renderReport } from '../evaluate/report.ts';
import { writeAtomic } from '../formats/atomic-file.ts';
import type { Manifest } from '../recognise/manifest.ts';
import type { Recogniser } from '../recognise/recogniser.ts';
import { readMetrics } from '../train/read-metrics.ts';
import { trainingPhases } from '../train/training-phases.ts';

export interface ReportSource {
  readonly folder: string;
  readonly recogniser: Recogniser;
  readonly result: EvaluationRun;
  /** The command that repeats the evaluation. */
  readonly command: string;
  readonly next?: readonly { command: string; why: string }[];
}

/** Pictures in the gallery: so many wrong answers, and as many right ones. */
const GALLERY = 6;

export async function writeReport(path: string, source: ReportSource): Promise<void> {
  const { folder, recogniser, result, command } = source;
  const { manifest } = recogniser;
  const html = renderReport({
    title: `${result.dataset.name}: ${manifest.classes.length} classes`,
    subtitle: subtitleOf(manifest, result),
    evaluation: result.evaluation,
    training: trainingPhases(await readMetrics(folder)),
    gallery: await gallery(recogniser, result),
    config: await readJson(join(folder, 'config.json')),
    recipe: await readJson(join(folder, 'recipe.json')),
    command,
    environment: {
      node: process.version,
      system: `${platform()} ${arch()}`,
      processor: cpus()[0]?.model ?? 'unknown',
    },
    licence: manifest.licences.join('; ') || undefined,
    next: source.next,
  });
  await writeAtomic(path, html);
}

function subtitleOf(
  { method, backbone }: Manifest,
  { evaluation, leftOut }: EvaluationRun,
): string {
  const count = leftOut?.count ?? 0;
  const without = count === 0 ? '' : `, without ${count} that cannot be used`;
  return `${method} on ${backbone}, split ${evaluation.split}${without}`;
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

/** The most confident mistakes, and right answers spread over the classes. */
async function gallery(recogniser: Recogniser, result: EvaluationRun): Promise<GalleryItem[]> {
  const { evaluation, examples, labels } = result;
  const { classes } = recogniser.manifest;
  const photos = examples.map(({ id, path, box }, i) => ({
    id,
    path,
    box,
    truth: classes[labels[i]],
  }));
  const byId = new Map(photos.map((photo) => [photo.id, photo]));
  const wrongIds = new Set(evaluation.wrong.map(({ id }) => id));
  const wrong = [...evaluation.wrong]
    .sort((a, b) => b.confidence - a.confidence)
    .slice(0, GALLERY)
    .map(({ id }) => byId.get(id)!);
  const right = photos.filter(({ id }) => !wrongIds.has(id));
  const every = Math.max(1, Math.floor(right.length / GALLERY));
  const chosen = [...wrong, ...right.filter((_, i) => i % every === 0).slice(0, GALLERY)];
  const items: GalleryItem[] = [];
  for (const photo of chosen) items.push(await galleryItem(recogniser, photo));
  return items;
}
