// The table of dataset formats, and opening a folder as whichever of them it is.

import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { Dataset } from '../../core/example.ts';
import { importOwn, isModulePath, mustHave } from '../../formats/own-module.ts';
import { csv } from './csv.ts';
import { cub200 } from './cub200.ts';
import { datasetError, unreadableFolder } from './dataset-error.ts';
import { folder } from './folder.ts';
import { grocery } from './grocery.ts';
import { counted } from './left-out.ts';
import { isFolder } from './lines.ts';
import type { DatasetLoader, DatasetOptions } from './loader.ts';
import { readPhotoTree } from './photo-tree.ts';

/** Every format, in the order in which they are tried: the most particular first. */
export const datasetLoaders: readonly DatasetLoader[] = [cub200, grocery, csv, folder];

export interface OpenDatasetOptions extends DatasetOptions {
  /** `cub200 | grocery | csv | folder`, or the path of a module with a loader. Default: found out. */
  readonly format?: string;
}

/**
 * Reads the annotations of a dataset folder, not its images (`checkImages` does). Throws FM_DATASET
 * when the folder is missing, fits no format or contradicts itself.
 */
export async function openDataset(
  root: string,
  options: OpenDatasetOptions = {},
): Promise<Dataset> {
  const path = resolve(root);
  await mustBeFolder(path);
  const loader =
    options.format === undefined ? await detectLoader(path) : await loaderNamed(options.format);
  const dataset = await loader.load(path, options);
  if (dataset.examples.length > 0) return dataset;
  throw datasetError(path, 'a dataset with images', 'none', { next: 'Add images to it.' });
}

async function mustBeFolder(path: string): Promise<void> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isDirectory()) return;
  const got = entry ? 'a file' : 'nothing there';
  const next = `Give the folder of a dataset. ${formatsInWords()}`;
  throw datasetError(path, 'a dataset folder', got, { next });
}

/** By its name, or by the path of a module that exports one by default. */
async function loaderNamed(name: string): Promise<DatasetLoader> {
  if (isModulePath(name)) {
    const found = await importOwn(name, 'a dataset loader');
    mustHave(found, 'a dataset loader', { name: 'string', load: 'function' });
    return found.value as DatasetLoader;
  }
  const loader = datasetLoaders.find((candidate) => candidate.name === name);
  if (loader) return loader;
  const expected = datasetLoaders.map((candidate) => candidate.name).join(', ');
  const next = 'Leave the format out to have it found out.';
  throw fail('FM_USAGE', 'dataset format', { expected, got: JSON.stringify(name), next });
}

async function detectLoader(path: string): Promise<DatasetLoader> {
  for (const loader of datasetLoaders) {
    if (loader === csv) await mustNotBeParent(path);
    if (await loader.detect(path)) return loader;
  }
  const { photos } = (await readPhotoTree(path)).root;
  const got =
    photos === 0
      ? 'a folder of no known layout'
      : `${counted(photos, ['photograph', 'photographs'])} without labels`;
  throw datasetError(path, 'a dataset', got, { next: formatsInWords() });
}

/** The folder above a dataset would otherwise pass as a class folder with a single class. */
async function mustNotBeParent(path: string): Promise<void> {
  const all = await readdir(path).catch((cause) => {
    throw unreadableFolder(path, cause);
  });
  const names = all.slice(0, 50).map((name) => join(path, name));
  const folders = await onlyFolders(names);
  // any folder may hold a table: one of class folders is none
  const loaders = folders.length === 1 ? [cub200, grocery, csv] : [cub200, grocery];
  for (const loader of loaders) {
    const found = await Promise.all(names.map((name) => loader.detect(name)));
    const inner = names[found.indexOf(true)];
    if (inner === undefined) continue;
    const next = `Open ${inner} instead.`;
    throw datasetError(path, 'a dataset', 'a folder that holds one', { next });
  }
}

async function onlyFolders(paths: readonly string[]): Promise<string[]> {
  const are = await Promise.all(paths.map(isFolder));
  return paths.filter((path, i) => are[i] && !basename(path).startsWith('.'));
}

function formatsInWords(): string {
  const formats = datasetLoaders.map(({ name, looksFor }) => `${name} (${looksFor})`);
  return `Known layouts: ${formats.join('; ')}.`;
}
