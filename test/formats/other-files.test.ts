// Files of other kinds: each is told by what it is, with what would load.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zeros } from '../../src/core/tensor.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import { temporaryFolder } from '../support/files.ts';
import { zip } from '../support/torch-files.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const nothing = Buffer.alloc(0);

test.each<[what: string, file: Buffer, message: RegExp]>([
  [
    'a pickle',
    bytes('\x80\x04\x95\x0b\x00\x00'),
    /a pickle that torch\.save did not write.*save_file/,
  ],
  ['an array', bytes('\x93NUMPY\x01\x00'), /an array of NumPy.*save_file/],
  ['HDF5', bytes('\x89HDF\r\n\x1a\n'), /HDF5.*--backbone onnx:FILE/],
  ['TensorFlow Lite', bytes('\x1c\0\0\0TFL3\x14'), /TensorFlow Lite.*--backbone onnx:FILE/],
  ['gzip', bytes('\x1f\x8b\x08\0'), /gzip.*Unpack it first/],
  ['tar', Buffer.concat([Buffer.alloc(257), bytes('ustar\x0000')]), /tar.*Unpack it first/],
  [
    'Git LFS',
    bytes('version https://git-lfs.github.com/spec/v1\noid'),
    /pointer of Git LFS.*lfs pull/,
  ],
  ['a page', bytes('<!DOCTYPE html><html>'), /a page of the web/],
  ['an index', bytes('{"metadata": {}, "weight_map": {}}'), /a text in JSON/],
  [
    'TorchScript',
    zip({ 'm/data.pkl': nothing, 'm/constants.pkl': nothing }),
    /TorchScript program.*jit\.load/,
  ],
  [
    'torch.export',
    zip({ 'm/archive_format': nothing }),
    /torch\.export program|program of torch\.export/,
  ],
  ['an archive of arrays', zip({ 'conv1.weight.npy': nothing }), /NumPy's arrays.*numpy\.load/],
  ['Keras', zip({ 'model.weights.h5': nothing }), /Keras.*onnx:FILE/],
  [
    'another archive',
    zip({ 'photo.jpg': nothing }),
    /expected an archive with one 'data\.pkl', got 0/,
  ],
])('%s', async (_, file, message) => {
  for (const name of ['weights.pth', 'weights.safetensors', 'weights']) {
    const path = join(await temporaryFolder({ [name]: file }), name);
    await expect(loadWeights(path)).rejects.toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringMatching(message),
    });
  }
});

test('a safetensors file whose length looks like a pickle is none', async () => {
  const path = join(await temporaryFolder(), 'weights.safetensors');
  const names = Array.from({ length: 9 }, (_, i) => [`w${i}`, zeros([1])] as const);
  await writeSafetensors(path, new Map(names), { pad: '-'.repeat(110) });
  expect([...(await readFile(path)).subarray(0, 3)]).toEqual([0x80, 0x02, 0]);
  expect((await loadWeights(path)).tensors.size).toBe(9);
});
