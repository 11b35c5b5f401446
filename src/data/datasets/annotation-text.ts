// The text of annotation files, in whatever encoding an editor or a spreadsheet left it.

import { readFile } from 'node:fs/promises';
import { datasetError } from './dataset-error.ts';

/**
 * Reads a text file; byte order marks are dropped, line ends are `\n`. Throws FM_DATASET where it
 * is no UTF-8 or UTF-16.
 */
export async function readAnnotations(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
    const got = denied ? `no permission to read it (${cause.code})` : `none (${cause.code})`;
    throw datasetError(path, 'a text file', got, {
      cause,
      ...(denied ? { next: 'Give yourself the permission to read the file.' } : {}),
    });
  });
  const encoding = encodingOf(bytes);
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.replaceAll(/\r\n?/g, '\n');
  } catch (cause) {
    throw datasetError(
      `${path}:${badLine(bytes)}`,
      'text in UTF-8',
      `bytes that are no ${encoding}`,
      {
        next: "Save the file again as UTF-8; in spreadsheets this is 'CSV UTF-8'.",
        cause,
      },
    );
  }
}

/** What a text is in, by its first bytes. Spreadsheets write UTF-16 as 'Unicode text': with a mark, or with a zero beside every letter. */
export function encodingOf(bytes: Uint8Array): string {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (a !== 0 && b === 0 && c !== 0 && d === 0) return 'utf-16le';
  if (a === 0 && b !== 0 && c === 0 && d !== 0) return 'utf-16be';
  return 'utf-8';
}

/** The number of the first line that is no UTF-8. */
function badLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let start = 0;
  for (let i = 0; i <= bytes.length; i++) {
    if (i < bytes.length && bytes[i] !== 10) continue;
    try {
      decoder.decode(bytes.subarray(start, i));
    } catch {
      return line;
    }
    line++;
    start = i + 1;
  }
  return line;
}
