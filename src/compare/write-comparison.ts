// Puts a comparison on disk: `compare.json` for programs, `compare.html` for people.

import { arch, cpus, platform } from 'node:os';
import { join } from 'node:path';
import { writeAtomic } from '../formats/atomic-file.ts';
import { comparedCharts, readEpochs } from './curves.ts';
import { chooseDisagreements, explainDisagreements } from './disagreements.ts';
import { renderComparison } from './page.ts';
import type { Compared, ComparisonResult } from './result.ts';

export interface ComparisonRecord {
  readonly title: string;
  readonly subtitle: string;
  readonly compared: Compared;
  readonly result: ComparisonResult;
  /** The command that repeats it. */
  readonly command: string;
  /** Settings that all contestants share. */
  readonly config?: unknown;
}

/** Images on which the contestants disagree that are shown. */
const SHOWN = 4;

/** Writes both files and returns where they are. */
export async function writeComparison(
  out: string,
  record: ComparisonRecord,
): Promise<{ json: string; page: string }> {
  const { title, subtitle, compared, result, command, config } = record;
  const { answered, runs, folderOf, failed, findings } = compared;
  const environment = {
    node: process.version,
    system: `${platform()} ${arch()}`,
    processor: cpus()[0]?.model ?? 'unknown',
  };
  const json = join(out, 'compare.json');
  const page = join(out, 'compare.html');
  const facts = { title, command, environment, config, ...result, failed, findings };
  await writeAtomic(json, `${JSON.stringify(facts, null, 2)}\n`);
  const labels = runs.map(({ label }) => label);
  const chosen = chooseDisagreements(answered, SHOWN);
  const html = renderComparison({
    title,
    subtitle,
    result,
    answered,
    failed,
    findings,
    charts: comparedCharts(labels, await readEpochs(runs)),
    disagreements: await explainDisagreements(answered, chosen, folderOf),
    command,
    environment,
    config,
  });
  await writeAtomic(page, html);
  return { json, page };
}
