// What a run does once defaults are filled in: kept beside its configuration, because the defaults of
// a later version may be others.

import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { fail } from '../core/errors.ts';
import { writeAtomic } from '../formats/atomic-file.ts';
import type { StageSettings } from '../methods/stage-settings.ts';
import { damaged } from './damaged.ts';
import { firstPhases } from './plan.ts';
import type { Task } from './task.ts';

/** The method's options and the settings of each stage in order, as JSON holds them. */
export interface Recipe {
  readonly options: unknown;
  readonly stages: Readonly<Record<string, StageSettings>>;
}

export function recipeOf(task: Task): Recipe {
  const stages = firstPhases(task).map(({ stage, settings }) => [stage.name, settings] as const);
  const recipe = { options: task.context.options, stages: Object.fromEntries(stages) };
  return JSON.parse(JSON.stringify(recipe)) as Recipe;
}

export async function writeRecipe(path: string, recipe: Recipe): Promise<void> {
  await writeAtomic(path, `${JSON.stringify(recipe, null, 2)}\n`);
}

/** Throws FM_RUN where a run was started with another recipe. */
export async function holdToRecipe(path: string, recipe: Recipe): Promise<void> {
  const before = leaves(await readRecipe(path));
  const now = leaves(recipe);
  const keys = [...new Set([...before.keys(), ...now.keys()])];
  const different = keys.filter((key) => !isDeepStrictEqual(before.get(key), now.get(key)));
  if (different.length === 0) return;
  const show = (of: ReadonlyMap<string, unknown>) =>
    different.map((key) => `${key}=${JSON.stringify(of.get(key)) ?? 'none'}`).join(', ');
  throw fail('FM_RUN', path, {
    expected: `the recipe it was started with (${show(before)})`,
    got: show(now),
    next: 'Defaults have changed since: go on with the version that began it, or start another run.',
  });
}

async function readRecipe(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw damaged('FM_RUN', path, 'a recipe in JSON', cause);
  }
}

/** Values by their path, `stages.all.rate`; lists are values. */
function leaves(value: unknown, path = ''): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return new Map([[path, value]]);
  }
  const fields = Object.entries(value);
  return new Map(
    fields.flatMap(([key, field]) => [...leaves(field, path === '' ? key : `${path}.${key}`)]),
  );
}
