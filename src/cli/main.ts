#!/usr/bin/env node
// The command line: one file per command. What a command works with is loaded when it is called.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { type ErrorCode, errorTable, FieldmarkError } from '../core/errors.ts';
import { speakOfFlags } from '../core/option-words.ts';
import { aviaryCommand } from './aviary.ts';
import { backbonesCommand } from './backbones.ts';
import { compareCommand } from './compare.ts';
import { demoCommand } from './demo.ts';
import { evaluateCommand } from './evaluate.ts';
import { explainCommand } from './explain.ts';
import { methodsCommand } from './methods.ts';
import { keepOutputForJson } from './output.ts';
import { predictCommand } from './predict.ts';
import { searchCommand } from './search.ts';
import { trainCommand } from './train.ts';
import { weightsCommand } from './weights.ts';

/** Exit status after Ctrl-C, as shells expect it. */
const INTERRUPTED = 130;

const commands = [
  demoCommand,
  aviaryCommand,
  trainCommand,
  evaluateCommand,
  compareCommand,
  predictCommand,
  explainCommand,
  searchCommand,
  backbonesCommand,
  weightsCommand,
  methodsCommand,
];

function program(): Command {
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  const root = new Command('fieldmark')
    .description('Tells look-alikes apart: trains, evaluates, explains and ships recognisers.')
    .version(version)
    .showHelpAfterError("(run 'fieldmark --help' for the commands)")
    .exitOverride()
    .hook('preAction', (_, action) => {
      if (action.opts().json) keepOutputForJson();
    });
  for (const build of commands) {
    const command = build().exitOverride();
    // not inherited by commands that are built on their own
    command.showHelpAfterError(`(run 'fieldmark ${command.name()} --help' for the options)`);
    root.addCommand(command);
  }
  return root;
}

function exitStatus(cause: unknown): number {
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : errorTable.FM_USAGE.exit;
  const { name, message, code } = cause as Error & { code?: string };
  if (name === 'TrainingStopped' || name === 'AbortError') {
    process.stderr.write(`${name === 'TrainingStopped' ? message : 'stopped'}\n`);
    return INTERRUPTED;
  }
  if (cause instanceof FieldmarkError) {
    process.stderr.write(`error ${code}: ${message}\n`);
    return errorTable[code as ErrorCode].exit;
  }
  process.stderr.write(`${(cause as Error).stack ?? String(cause)}\n`);
  process.stderr.write('This is a defect of fieldmark; please report it with the lines above.\n');
  return 70;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0); // `fieldmark ... | head`
  throw error;
});

speakOfFlags();
try {
  await program().parseAsync();
} catch (cause) {
  process.exitCode = exitStatus(cause);
}
