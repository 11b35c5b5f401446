// The two files of an exported model, read and held against each other.

import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fail } from '../core/errors.ts';
import { MANIFEST_FILE, type Manifest, MODEL_FILE, parseManifest } from './manifest.ts';

export interface OpenedModel {
  readonly manifest: Manifest;
  /** Where the model lies. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Reads a model: a run folder, or a folder with model.onnx and fieldmark.json. */
export async function openModel(folder: string): Promise<OpenedModel> {
  const place = await modelFolder(folder);
  const manifest = await readManifest(place);
  const path = join(place, MODEL_FILE);
  const bytes = await readFile(path).catch((cause) => {
    throw fail('FM_RUN', path, {
      expected: 'the model that belongs to the manifest',
      got: 'no file',
      next: 'Copy both files together, or export the model again.',
      cause,
    });
  });
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (hash !== manifest.sha256) {
    throw fail('FM_FORMAT', path, {
      expected: `the model that its manifest describes (SHA-256 ${manifest.sha256.slice(0, 12)}...)`,
      got: `another or a damaged one (${hash.slice(0, 12)}...)`,
      next: 'Copy both files together, or export the model again.',
    });
  }
  return { manifest, path, bytes };
}

/** Reads and checks a manifest. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw fail('FM_RUN', folder, {
      expected: `a trained model (${MANIFEST_FILE} and ${MODEL_FILE})`,
      got: 'none',
      next: 'Finish the run (--resume), or check the path.',
      cause,
    });
  }
  return parseManifest(text, path);
}

async function modelFolder(folder: string): Promise<string> {
  if (basename(folder) === 'model') return folder;
  const inside = join(folder, 'model');
  const found = await access(join(inside, MANIFEST_FILE)).then(
    () => true,
    () => false,
  );
  return found ? inside : folder;
}
