// The picture of what a search found: its words, and photographs that are gone.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodePng } from '../../src/data/image/decode.ts';
import { contactSheet } from '../../src/recognise/contact-sheet.ts';
import { temporaryFolder } from '../support/files.ts';
import { gradientImage } from '../support/images.ts';

test('labels are shown without underscores, and a photograph that is gone leaves a blank', async () => {
  const photo = join(await temporaryFolder(), 'query.png');
  await writeFile(photo, await encodePng(gradientImage(200, 40)));
  const sheet = (label?: string) => {
    const item = { path: '/gone/0051.jpg', label };
    return contactSheet([{ photo, found: Array(9).fill({ item, similarity: 0.5 }) }]);
  };
  const [plain, underscored, other, unlabelled] = [
    await sheet('Heermann Gull'),
    await sheet('Heermann_Gull'),
    await sheet('Heermann-Gull'),
    await sheet(),
  ];
  expect(plain.width).toBe(1356);
  expect(Buffer.compare(plain.data, underscored.data)).toBe(0);
  expect(Buffer.compare(plain.data, other.data)).not.toBe(0);
  expect(Buffer.compare(plain.data, unlabelled.data)).not.toBe(0);
});
