// What is said of a file of a run that cannot be read.

import { type ErrorCode, type FieldmarkError, fail } from '../core/errors.ts';

export function damaged(
  code: ErrorCode,
  path: string,
  expected: string,
  cause: unknown,
): FieldmarkError {
  return fail(code, path, {
    expected,
    got: (cause as Error).message,
    next: 'Put it back, or start anew: take the folder of the run away, or train with --overwrite.',
    cause,
  });
}
