// The list of methods that `compare --methods` takes: names, each with settings of its own.

import { type Contestant, contestantOf } from '../compare/contestant.ts';
import { fail } from '../core/errors.ts';
import type { RunConfigInput } from '../train/config.ts';
import { gatherConfig } from './options.ts';

/**
 * Reads `finetune,ra-cnn,ra-cnn:options.attention=centre:epochs=20`: commas between methods, colons
 * before settings. Commas and colons within brackets, braces and quotes belong to a value.
 */
export async function readMethods(text: string): Promise<Contestant[]> {
  const labels = splitOutside(text, ',').map((label) => label.trim());
  const contestants = labels.map(async (label) => {
    const [name, ...settings] = splitOutside(label, ':');
    if (name === '' || settings.some((setting) => setting.indexOf('=') < 1)) {
      throw fail('FM_USAGE', '--methods', {
        expected: "names of methods, with settings behind colons: 'triplet:options.margin=0.3'",
        got: `'${label}'`,
        next: "See 'fieldmark methods' for the names.",
      });
    }
    const own = (await gatherConfig(undefined, settings, {})) as Partial<RunConfigInput>;
    return contestantOf(label, name, own);
  });
  return await Promise.all(contestants);
}

/** The parts of a text between separators that stand outside brackets, braces and quotes. */
export function splitOutside(text: string, separator: string): string[] {
  const parts = [''];
  let depth = 0;
  let quoted = false;
  for (const c of text) {
    if (c === '"') quoted = !quoted;
    else if (!quoted && '[{'.includes(c)) depth++;
    else if (!quoted && ']}'.includes(c)) depth--;
    if (c === separator && depth === 0 && !quoted) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts;
}
