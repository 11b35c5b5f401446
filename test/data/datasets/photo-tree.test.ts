import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { findPhotos } from '../../../src/data/datasets/folder.ts';
import { readPhotoTree } from '../../../src/data/datasets/photo-tree.ts';
import { openDataset } from '../../../src/data/datasets/table.ts';
import { temporaryFolder } from '../../support/files.ts';
import { emptyFiles } from '../../support/layouts.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, readdir: vi.fn(real.readdir) };
});

afterEach(() => vi.mocked(readdir).mockReset());

/** From now on nobody may list this folder. */
async function lock(folder: string, code = 'EACCES'): Promise<void> {
  const real = (await vi.importActual<typeof import('node:fs/promises')>('node:fs/promises'))
    .readdir;
  vi.mocked(readdir).mockImplementation((async (path: string, ...rest: []) => {
    if (path === folder) throw Object.assign(new Error(`${code}: ${path}`), { code });
    return await real(path, ...rest);
  }) as typeof readdir);
}

test('a folder without permission is named, wherever it lies', async () => {
  const root = await temporaryFolder(emptyFiles('cats/1.jpg', 'dogs/1.jpg', 'lost+found/x'));
  for (const locked of ['', 'lost+found', 'cats']) {
    await lock(join(root, locked));
    const opened = openDataset(root);
    await expect(opened).rejects.toMatchObject({ code: 'FM_DATASET' });
    await expect(opened).rejects.toThrow(
      `${join(root, locked)}: expected a folder that may be read, got one without that permission (EACCES). Give`,
    );
    await expect(findPhotos(root)).rejects.toMatchObject({ code: 'FM_DATASET' });
  }
  await lock(join(root, 'cats'), 'EIO');
  await expect(openDataset(root)).rejects.toThrow('got an error (EIO). Check the disk');
});

test('what lies there, in natural order, with the number of photographs', async () => {
  const root = await temporaryFolder(
    emptyFiles(
      'b/img10.jpg',
      'b/img9.JPEG',
      'b/x.heic',
      'b/notes.txt',
      'a/deep/1.png',
      'Thumbs.db',
    ),
  );
  const { root: tree } = await readPhotoTree(root);
  expect(tree).toMatchObject({ path: '', images: [], others: [], photos: 4 });
  expect(tree.folders).toMatchObject([
    { path: 'a', photos: 1, folders: [{ path: 'a/deep', images: ['1.png'] }] },
    { images: ['img9.JPEG', 'img10.jpg'], foreign: ['x.heic'], others: ['notes.txt'], photos: 3 },
  ]);
});

test('photographs for an index: what is left out is told', async () => {
  const root = await temporaryFolder(
    emptyFiles('1.jpg', 'a/2.jpg', 'a/3.HEIC', 'a/4.nef', '@eaDir/1.jpg/T.jpg', 'a/list.txt'),
  );
  const { photos, notes } = await findPhotos(root);
  expect(photos).toEqual(['1.jpg', 'a/2.jpg']);
  expect(notes).toEqual([
    expect.stringMatching(
      /^left out: 1 \.heic file \(a\/3\.HEIC\): convert .*; 1 \.nef file \(a\/4\.nef\): .*; 1 file of another kind \(a\/list\.txt\); 1 folder that a system or a drive keeps \(@eaDir\)$/,
    ),
  ]);
});
