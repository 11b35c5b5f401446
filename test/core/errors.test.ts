// The error table against its page, and the form of a message.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type ErrorCode, errorTable, FieldmarkError, fail } from '../../src/core/errors.ts';

const page = new URL('../../docs/errors.md', import.meta.url);

/** Code, meaning and status of every section of the page, and what follows as advice. */
async function sections() {
  const [, ...parts] = (await readFile(page, 'utf8')).split(/^## /m);
  return parts.map((part) => {
    const [code, meaning = '', ...advice] = part.split(/\n\n/);
    const match = /^\*(.+)\* \(status (\d+)\)$/.exec(meaning.trim());
    return { code, about: match?.[1], exit: Number(match?.[2]), advice: advice.join(' ').trim() };
  });
}

test('docs/errors.md lists every code with the meaning and status of the table, in its order', async () => {
  const documented = (await sections()).map(({ code, about, exit }) => ({ code, about, exit }));
  expect(documented).toEqual(
    Object.entries(errorTable).map(([code, { exit, about }]) => ({ code, about, exit })),
  );
});

test('every code comes with advice', async () => {
  for (const { code, advice } of await sections()) {
    expect(advice.length, code).toBeGreaterThan(40);
  }
});

test('a message says where, what was expected, what was found and what to do', () => {
  const cause = new Error('below');
  const parts = { expected: 'a square', got: 'a circle', next: 'Redraw it.', cause };
  const error = fail('FM_IMAGE', 'page 3', parts);
  expect(error).toBeInstanceOf(FieldmarkError);
  expect(error.message).toBe('page 3: expected a square, got a circle. Redraw it.');
  expect(error.code satisfies ErrorCode).toBe('FM_IMAGE');
  expect(error.name).toBe('FieldmarkError');
  expect(error.cause).toBe(cause);
});
