// Every error a person can cause, in one table. `test/core/errors.test.ts` holds it against
// docs/errors.md.

import { forReader } from './option-words.ts';

/** Codes, with the exit status a command ends with. 2: wrong use; 1: the work could not be done. */
export const errorTable = {
  FM_USAGE: {
    exit: 2,
    about: 'a command, flag, option or call that does not exist or does not fit',
  },
  FM_CONFIG: { exit: 2, about: 'a configuration key or value that is not valid' },
  FM_DATASET: { exit: 1, about: 'a dataset folder that is missing, empty or inconsistent' },
  FM_IMAGE: { exit: 1, about: 'an image that is missing, damaged or unusable' },
  FM_FORMAT: { exit: 1, about: 'a file whose bytes are not what its format demands' },
  FM_WEIGHTS: { exit: 1, about: 'weights that do not fit the network they are loaded into' },
  FM_DOWNLOAD: { exit: 1, about: 'a file that could not be fetched, or is not the one meant' },
  FM_TRUNK: { exit: 1, about: 'an ONNX model that cannot serve as a frozen feature extractor' },
  FM_GRAPH: { exit: 1, about: 'a graph whose shapes or types do not fit together' },
  FM_RUN: { exit: 1, about: 'a run folder that is in use, unfinished or of another configuration' },
  FM_CHECKPOINT: { exit: 1, about: 'a checkpoint that is damaged or of another network' },
  FM_SUPERVISION: { exit: 1, about: 'a method that needs more than the dataset has' },
  FM_TRAINING: { exit: 1, about: 'training that cannot go on: the loss is no longer a number' },
  FM_RUNTIME: { exit: 1, about: 'the engine refused or lost its process' },
  FM_INDEX: { exit: 1, about: 'an index of photographs that is damaged or of another model' },
  FM_DISK: { exit: 1, about: 'a disk that is full or a path that cannot be written' },
} as const;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorParts {
  /** What was expected there. */
  expected: string;
  /** What was found instead. */
  got: string;
  /** What to do next, as a sentence. */
  next: string;
  cause?: unknown;
}

/** An error made for people: `<where>: expected <x>, got <y>. <next step>`. */
export class FieldmarkError extends Error {
  readonly code: ErrorCode;
  readonly where: string;
  readonly expected: string;
  readonly got: string;
  readonly next: string;

  constructor(code: ErrorCode, where: string, { expected, got, next, cause }: ErrorParts) {
    const found = got.replace(/\.$/, '');
    super(forReader(`${where}: expected ${expected}, got ${found}. ${next}`), { cause });
    this.name = 'FieldmarkError';
    this.code = code;
    this.where = where;
    this.expected = forReader(expected);
    this.got = forReader(got);
    this.next = forReader(next);
  }
}

/** Throws FM_USAGE where an option is not a whole number from 1 on; `next` says what to do. */
export function mustBeCount(value: number, option: string, next: string): void {
  if (Number.isInteger(value) && value >= 1) return;
  const expected = 'a whole number, at least 1';
  throw fail('FM_USAGE', option, { expected, got: `${value}`, next });
}

/** Builds the error; to be thrown by the caller, so that control flow stays visible. */
export function fail(code: ErrorCode, where: string, parts: ErrorParts): FieldmarkError {
  return new FieldmarkError(code, where, parts);
}
