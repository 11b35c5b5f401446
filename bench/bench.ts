// The benchmark: ours against PyTorch, row by row, in alternating rounds. `--help` has the options;
// docs of what a row does are with its worker. Figures of different machines do not compare.

import { rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { FieldmarkError } from '../src/core/errors.ts';
import { writeAtomic } from '../src/formats/atomic-file.ts';
import { engineVersion } from '../src/runtime/node.ts';
import { blockedLanes } from '../src/runtime/probe.ts';
import { allRows, type Row, selectRows } from './rows.ts';
import { busyProcessors } from './support/busy.ts';
import { type LaunchContext, launchesOf } from './support/launch.ts';
import { type BenchOptions, HELP, parseOptions } from './support/options.ts';
import { findJsEngines, findPython } from './support/peers.ts';
import { findPhotos, type Photos } from './support/photos.ts';
import { progressLine, progressWriter } from './support/progress.ts';
import { type RowResult, resultOf } from './support/results.ts';
import { compete } from './support/rounds.ts';
import { mean } from './support/statistics.ts';
import { renderNotes, renderTable } from './support/table.ts';

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof FieldmarkError)) throw error;
  console.error(error.message);
  process.exitCode = error.code === 'FM_USAGE' ? 2 : 1;
}

async function main(options: BenchOptions): Promise<void> {
  if (options.help) return console.log(HELP);
  const rows = selectRows(allRows(), options);
  if (options.list) return console.log(rows.map(({ name }) => name).join('\n'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(130)); // contestants are killed as this process exits
  }

  const photos = await photosFor(rows);
  const context: LaunchContext = {
    threads: options.threads,
    photos: photos?.paths ?? [],
    blocked: await findBlocked(),
    python: findPython(),
    js: findJsEngines(),
  };
  const versions = versionsOf(context);
  const facts = [
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `${options.rounds} rounds, ${options.threads} threads`,
    ...(photos === undefined ? [] : [photos.about]),
  ];
  console.log(`${facts.join('\n')}\n`);
  const results = await runRows(rows, context, options.rounds);
  console.log(`${renderTable(results)}\n\n${renderNotes(results)}`);

  const report = {
    rows: results,
    versions,
    rounds: options.rounds,
    threads: options.threads,
    photos: photos?.about ?? null,
    date: new Date().toISOString(),
  };
  await writeAtomic(options.out, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`written to ${options.out}`);
  if (options.json) console.log(JSON.stringify(report));
  const oursFailed = results.some(({ failures }) => failures.portable ?? failures.blocked);
  if (oursFailed) process.exitCode = 1;
}

async function runRows(
  rows: readonly Row[],
  context: LaunchContext,
  rounds: number,
): Promise<RowResult[]> {
  const write = progressWriter(process.stderr);
  const began = performance.now();
  const results: RowResult[] = [];
  for (const [done, row] of rows.entries()) {
    const { launches, absent } = launchesOf(row, context);
    const busy: number[] = [];
    const outcomes = await compete(launches, {
      rounds,
      settle: async () => {
        await sleep(100);
        busy.push(await busyProcessors(60));
      },
      onProgress: (what, share) => {
        const elapsed = (performance.now() - began) / 1000;
        write(progressLine({ row: row.name, done, total: rows.length, share, what, elapsed }));
      },
    });
    results.push(resultOf(row, outcomes, { absent, busy: mean(busy) }));
  }
  if (process.stderr.isTTY) process.stderr.write('\n');
  return results;
}

/** Photographs where a row reads some. Drawn ones are removed when this process exits. */
async function photosFor(rows: readonly Row[]): Promise<Photos | undefined> {
  const read = rows.some(({ work }) => work.kind === 'jpeg' || work.kind === 'features');
  if (!read) return undefined;
  const photos = await findPhotos();
  const { temporary } = photos;
  if (temporary !== undefined) {
    process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
  }
  return photos;
}

async function findBlocked(): Promise<LaunchContext['blocked']> {
  const lanes = await blockedLanes();
  return lanes === undefined ? { none: 'the engine has no blocked operators here' } : { lanes };
}

function versionsOf({ blocked, python, js }: LaunchContext): Record<string, string> {
  const [processor] = cpus();
  return {
    node: process.versions.node,
    onnxruntime: engineVersion,
    ...('none' in blocked ? {} : { 'lanes of a block': String(blocked.lanes) }),
    ...('none' in python ? {} : python.versions),
    ...('none' in js ? {} : js.versions),
    cpu: `${processor?.model ?? 'unknown'} (${cpus().length} processors)`,
  };
}
