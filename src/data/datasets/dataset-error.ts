// Errors in datasets: all of them name the file or folder, and where there is one the line.

import { type FieldmarkError, fail } from '../../core/errors.ts';

/** FM_DATASET with the next step that fits annotation files. */
export function datasetError(
  where: string,
  expected: string,
  got: string,
  more: { next?: string; cause?: unknown } = {},
): FieldmarkError {
  const next = more.next ?? 'Correct the file or restore it from the original dataset.';
  return fail('FM_DATASET', where, { expected, got, next, cause: more.cause });
}

/** Text in quotes and not too long, for messages. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? text.slice(0, 57) + '...' : text);
}

/** FM_DATASET for a folder that could not be listed. */
export function unreadableFolder(path: string, cause: NodeJS.ErrnoException): FieldmarkError {
  const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
  const got = denied ? `one without that permission (${cause.code})` : `an error (${cause.code})`;
  const next = denied
    ? 'Give yourself the permission, or keep the photographs in a folder that does not hold it.'
    : 'Check the disk and the path.';
  return datasetError(path, 'a folder that may be read', got, { next, cause });
}
