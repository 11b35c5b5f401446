// Hashes of what is large, with small pieces in place of gigabytes.
import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { updateHash } from '../../src/formats/hash-file.ts';

test.each([0, 1, 9, 10, 11])('%i numbers in pieces of 5 bytes hash like the whole', (length) => {
  const bytes = Int16Array.from({ length: length + 3 }, (_, i) => 777 * i).subarray(3);
  const hash = createHash('sha256');
  const update = vi.spyOn(hash, 'update');
  updateHash(hash, bytes, 5);
  for (const [piece] of update.mock.calls) expect(piece.length).toBeLessThanOrEqual(5);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
});
