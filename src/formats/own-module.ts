// Methods, backbones and dataset loaders that a person brings as a module of their own, named by its path.
// Naming it is asking for it to be run: nothing that is downloaded or read from a run leads here.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type FieldmarkError, fail } from '../core/errors.ts';
import { hashFile } from './hash-file.ts';

/** What a module of one's own exports by default. */
export interface OwnModule {
  readonly value: unknown;
  /** Absolute. */
  readonly path: string;
  /** SHA-256 of the file; what it imports is not in it. */
  readonly sha256: string;
}

/** Whether a name is the path of a module, and not one of a table. */
export function isModulePath(name: string): boolean {
  return /\.[cm]?[jt]s$/.test(name);
}

/** The whole path of a module, as a run keeps it; a name of a table as it is. */
export function wholePath(name: string): string {
  return isModulePath(name) ? resolve(name) : name;
}

/** The name of a table or of a module's file, for names of folders. */
export function plainName(name: string): string {
  return isModulePath(name) ? name.replace(/^.*[/\\]/, '').replace(/\.[^.]+$/, '') : name;
}

/** Runs a module and returns its default export. Throws FM_USAGE, with what the module threw. */
export async function importOwn(name: string, what: string): Promise<OwnModule> {
  const path = resolve(name);
  const file = await stat(path).catch(() => undefined);
  if (!file?.isFile()) throw unfit(path, what, 'no file', 'Check the path.');
  const sha256 = await hashFile(path);
  const module = await import(pathToFileURL(path).href).catch((cause: unknown) => {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    const said = text.replaceAll(/\s+/g, ' ').slice(0, 300);
    throw unfit(path, what, said, 'Mend the module.', cause);
  });
  return { value: (module as { default?: unknown }).default, path, sha256 };
}

/**
 * Throws FM_USAGE where the default export lacks a property or has one of another type. `shape` says what
 * each must be, as `typeof` says it, or `array`.
 */
export function mustHave(
  { value, path }: OwnModule,
  what: string,
  shape: Readonly<Record<string, string>>,
): void {
  const next = `See 'Your own methods, networks and data' in docs/extending.md.`;
  if (typeof value !== 'object' || value === null) {
    const got = value === undefined ? 'no default export' : typeof value;
    throw unfit(path, `${what} as the default export`, got, next);
  }
  for (const [key, type] of Object.entries(shape)) {
    const found = (value as Record<string, unknown>)[key];
    const is = Array.isArray(found) ? 'array' : typeof found;
    if (is === type) continue;
    throw unfit(path, `${what} whose '${key}' is of the type ${type}`, is, next);
  }
}

function unfit(
  path: string,
  expected: string,
  got: string,
  next: string,
  cause?: unknown,
): FieldmarkError {
  return fail('FM_USAGE', path, { expected, got, next, cause });
}
