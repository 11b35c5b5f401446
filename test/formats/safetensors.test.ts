// The safetensors format: what is written comes back, and nothing in a hostile file is believed.

import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FieldmarkError } from '../../src/core/errors.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { float32, type HostTensor, hostTensor, int64 } from '../../src/core/tensor.ts';
import {
  encodeSafetensors,
  readSafetensors,
  writeSafetensors,
} from '../../src/formats/safetensors.ts';
import { temporaryFolder } from '../support/files.ts';

const everyType = new Map<string, HostTensor>([
  ['odd.bytes', hostTensor('uint8', [3], Uint8Array.of(1, 2, 255))],
  ['single', float32([2, 2], [1.5, -0, Number.NaN, Number.POSITIVE_INFINITY])],
  ['double', hostTensor('float64', [2], Float64Array.of(Math.PI, -1e-300))],
  ['long', int64([2, 1], [-(2 ** 53), 7])],
  ['int', hostTensor('int32', [3], Int32Array.of(-1, 0, 2 ** 31 - 1))],
  ['flag', hostTensor('bool', [2], Uint8Array.of(0, 1))],
  ['scalar', float32([], [42])],
  ['empty', float32([0, 5], [])],
  ['ünïcode "quoted"', float32([1], [1])],
]);

/** A file from a header and so many zero bytes of tensors. */
function fileOf(header: unknown, bytes = 0, length?: number | bigint): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === 'string' ? header : JSON.stringify(header),
  );
  const file = new Uint8Array(8 + text.length + bytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  file.set(text, 8);
  return file;
}

async function read(bytes: Uint8Array) {
  const path = join(await temporaryFolder({ 'a.safetensors': bytes }), 'a.safetensors');
  return await readSafetensors(path);
}

describe('round trip', () => {
  test('every type, shape and name, and the metadata', async () => {
    const path = join(await temporaryFolder(), 'deep', 'all.safetensors');
    const metadata = { version: '1', note: 'line\nbreak' };
    await writeSafetensors(path, everyType, metadata);
    const back = await readSafetensors(path);
    expect([...back.tensors]).toEqual([...everyType]);
    expect(back.metadata).toEqual(metadata);
  });

  test('the same tensors give the same bytes, aligned to 8', async () => {
    const folder = await temporaryFolder();
    const paths = ['a', 'b'].map((name) => join(folder, name));
    for (const path of paths) await writeSafetensors(path, new Map(everyType), { b: '1', a: '2' });
    const [a, b] = await Promise.all(paths.map((path) => readFile(path)));
    expect(a.equals(b)).toBe(true);
    expect(Number(a.readBigUInt64LE(0)) % 8).toBe(0);
  });

  test('random tensors', async () => {
    const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
    const tensor = shape.chain((dims) => {
      const n = dims.reduce((a, b) => a * b, 1);
      return fc
        .float32Array({ minLength: n, maxLength: n })
        .map((data): HostTensor => float32(dims, data));
    });
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((s) => !s.startsWith('__'));
    const path = join(await temporaryFolder(), 'x');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, tensor), { maxLength: 5 }), async (entries) => {
        const tensors = new Map(entries);
        await writeFile(path, Buffer.concat(encodeSafetensors(tensors)));
        const back = await readSafetensors(path);
        expect(back.tensors.size).toBe(tensors.size);
        for (const [key, value] of tensors) expect(back.tensors.get(key)).toEqual(value);
      }),
      { numRuns: 50 },
    );
  });
});

test('half precision is widened exactly', async () => {
  const cases = [
    // bits of F16, bits of BF16, value
    [0x3c00, 0x3f80, 1],
    [0xc000, 0xc000, -2],
    [0x0001, 0x0000, 2 ** -24],
    [0x03ff, 0x0000, 1023 * 2 ** -24],
    [0x7bff, 0x477f, 65504],
    [0x7c00, 0x7f80, Number.POSITIVE_INFINITY],
    [0xfc00, 0xff80, Number.NEGATIVE_INFINITY],
    [0x7e00, 0x7fc0, Number.NaN],
    [0x8000, 0x8000, -0],
  ];
  const n = cases.length;
  const header = {
    half: { dtype: 'F16', shape: [n], data_offsets: [0, 2 * n] },
    brain: { dtype: 'BF16', shape: [n], data_offsets: [2 * n, 4 * n] },
  };
  const file = fileOf(header, 4 * n);
  const view = new DataView(file.buffer, file.length - 4 * n);
  cases.forEach(([half, brain], i) => {
    view.setUint16(2 * i, half, true);
    view.setUint16(2 * n + 2 * i, brain, true);
  });
  const { tensors } = await read(file);
  const wide = tensors.get('half')!;
  expect(wide.dtype).toBe('float32');
  expect([...(wide.data as Float32Array)]).toEqual(cases.map(([, , value]) => value));
  const brain = [...(tensors.get('brain')!.data as Float32Array)];
  expect([brain[0], brain[1], brain[5], brain[6], brain[7]]).toEqual([
    1,
    -2,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
  expect(brain[4]).toBe(65280); // 0x477f keeps eight bits of 65504
});

test('a tensor may have any name', async () => {
  const path = join(await temporaryFolder(), 'odd.safetensors');
  const names = ['__proto__', 'constructor', 'toString', '', ' ', '0'];
  const tensors = new Map(names.map((name, i) => [name, float32([1], [i])]));
  await writeSafetensors(path, tensors);
  expect((await readSafetensors(path)).tensors).toEqual(tensors);
});

test('a hash takes in the whole file, in whatever order the tensors are listed', async () => {
  const [a, b] = [5_000_000, 3].map((n) => float32([n], new Float32Array(n).fill(n)));
  const pieces = encodeSafetensors(new Map(Object.entries({ a, b })));
  const bytes = Buffer.concat(pieces);
  const path = join(await temporaryFolder({ file: bytes }), 'file');
  const hash = createHash('sha256');
  const { tensors } = await readSafetensors(path, { hash });
  expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(tensors.get('b')).toEqual(b);
  const listed = { b: [2e7, 2e7 + 12], a: [0, 2e7] };
  const header = Object.fromEntries(
    Object.entries(listed).map(([name, [begin, end]]) => {
      return [name, { dtype: 'F32', shape: [(end - begin) / 4], data_offsets: [begin, end] }];
    }),
  );
  const turned = fileOf(header, 2e7 + 12);
  await writeFile(path, turned);
  const other = createHash('sha256');
  expect([...(await readSafetensors(path, { hash: other })).tensors.keys()]).toEqual(['b', 'a']);
  expect(other.digest('hex')).toBe(createHash('sha256').update(turned).digest('hex'));
});

test('a header that would not be read is not written, and the file stays', async () => {
  const path = join(await temporaryFolder(), 'a.safetensors');
  const around = JSON.stringify({ __metadata__: { note: '' } }).length;
  const metadata = { note: 'x'.repeat(2 ** 24 - around) };
  await writeSafetensors(path, new Map(), metadata);
  const longer = writeSafetensors(path, new Map(), { note: `${metadata.note}x` });
  await expect(longer).rejects.toMatchObject({
    code: 'FM_FORMAT',
    message: expect.stringMatching(
      /a\.safetensors: expected at most 16777216 bytes for the header, got/,
    ),
  });
  expect((await readSafetensors(path)).metadata).toEqual(metadata);
});

test('a tensor longer than an array of bytes can be is neither written nor read', async () => {
  const length = 2 ** 32 + 8;
  const refused = (message: RegExp) =>
    expect.objectContaining({ code: 'FM_FORMAT', message: expect.stringMatching(message) });
  const claimed = { dtype: 'uint8', shape: [length], data: new Uint8Array(0) } as const;
  expect(() => encodeSafetensors(new Map([['a', claimed]]))).toThrow(
    refused(/at most 4294967296 bytes for 'a', got 4294967304\./),
  );
  const start = fileOf({ a: { dtype: 'U8', shape: [length], data_offsets: [0, length] } });
  const path = join(await temporaryFolder({ 'a.safetensors': start }), 'a.safetensors');
  const file = await open(path, 'r+');
  await file.truncate(start.length + length); // sparse: no disk is filled
  await file.close();
  await expect(readSafetensors(path)).rejects.toEqual(
    refused(/at most 4294967296 bytes at a time, got a tensor of 4294967304\./),
  );
});

const one = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
const two = { dtype: 'F32', shape: [2], data_offsets: [8, 16] };

/** Files that lie, with what the one error must say. */
const deep = '['.repeat(1e6) + ']'.repeat(1e6);
const hostile: [what: string, file: Uint8Array, message: RegExp][] = [
  ['nothing at all', new Uint8Array(0), /at least 8 bytes, got 0/],
  ['less than a length', new Uint8Array(7), /at least 8 bytes, got 7/],
  ['a header beyond the file', fileOf('{}', 0, 3), /header within the file's 10 bytes/],
  ['a header of a gigabyte', fileOf('{}', 0, 2 ** 30), /got a header of 1073741824 bytes/],
  ['a header of 2^64 - 1 bytes', fileOf('{}', 0, 2n ** 64n - 1n), /header within/],
  ['no JSON', fileOf('{"a": '), /a JSON header/],
  ['no UTF-8', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0x28), /a JSON header/],
  ['an array', fileOf([]), /a JSON object as header/],
  ['null', fileOf('null'), /a JSON object as header/],
  ['metadata that is no text', fileOf({ __metadata__: { a: 1 } }), /text in __metadata__/],
  ['metadata that is null', fileOf({ __metadata__: null }), /text in __metadata__/],
  ['an entry that is null', fileOf({ a: null }), /dtype, shape and offsets of 'a'/],
  ['an unknown type', fileOf({ a: { ...one, dtype: 'F8' } }, 8), /a type of F64.* for 'a', got F8/],
  ['a type named like a method', fileOf({ a: { ...one, dtype: 'toString' } }, 8), /a type of/],
  ['an entry nested a million times', fileOf(`{"a":${deep}}`), /offsets of 'a', got lists/],
  ['metadata nested a million times', fileOf(`{"__metadata__":${deep}}`), /text in __metadata__/],
  ['metadata in the prototype', fileOf('{"__metadata__":{"__proto__":{"fieldmark":"1"}}}'), /text/],
  ['a type in the prototype', fileOf('{"a":{"__proto__":{"dtype":"F32"}}}'), /offsets of 'a'/],
  [
    'a shape of a million axes',
    fileOf({ a: { ...one, shape: Array(1e6).fill(2) } }, 8),
    /bytes for/,
  ],
  ['a name of a megabyte', fileOf({ ['a'.repeat(1e6)]: null }), /offsets of 'aaa/],
  ['a header longer than any', fileOf(' '.repeat(2 ** 24 + 1)), /at most 16777216 bytes/],
  [
    'a second entry of a name',
    fileOf('{"a":X,"a":Y}'.replace('X', JSON.stringify(one)).replace('Y', JSON.stringify(two)), 16),
    /'a' to start at byte 0, got 8/,
  ],
  ['a negative offset', fileOf({ a: { ...one, data_offsets: [-8, 0] } }, 8), /offsets of 'a'/],
  ['a fractional size', fileOf({ a: { ...one, shape: [0.5] } }, 8), /offsets of 'a'/],
  ['a negative size', fileOf({ a: { ...one, shape: [-2, -1] } }, 8), /offsets of 'a'/],
  ['a size as text', fileOf({ a: { ...one, shape: ['2'] } }, 8), /offsets of 'a'/],
  ['one offset', fileOf({ a: { ...one, data_offsets: [0] } }, 8), /offsets of 'a'/],
  ['a wrong size', fileOf({ a: { ...one, shape: [3] } }, 8), /12 bytes for 'a', got 8/],
  ['offsets that run backwards', fileOf({ a: { ...one, data_offsets: [8, 0] } }, 8), /got -8/],
  ['an enormous shape', fileOf({ a: { ...one, shape: [2 ** 52, 2 ** 52] } }, 8), /bytes for 'a'/],
  ['tensors that overlap', fileOf({ a: one, b: one }, 8), /'b' to start at byte 8, got 0/],
  ['a gap', fileOf({ a: one, b: { ...two, data_offsets: [12, 20] } }, 20), /byte 8, got 12/],
  ['bytes before the first', fileOf({ b: two }, 16), /start at byte 0, got 8/],
  ['bytes after the last', fileOf({ a: one }, 9), /8 bytes of tensors, got 9/],
  ['a tensor cut short', fileOf({ a: one, b: two }, 15), /16 bytes of tensors, got 15/],
  [
    'a tensor beyond the file',
    fileOf({ a: { ...one, shape: [2 ** 40], data_offsets: [0, 2 ** 42] } }),
    /bytes of tensors, got 0/,
  ],
];

test.each(hostile)('%s is one clear error', async (_what, file, message) => {
  const error = await read(file).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(FieldmarkError);
  expect(error).toMatchObject({ code: 'FM_FORMAT', message: expect.stringMatching(message) });
  expect((error as Error).message).toMatch(/^\/.*a\.safetensors: expected .+, got .+\. .+\.$/s);
  expect((error as Error).message.length).toBeLessThan(600);
});

test('a file that is not there, and a folder', async () => {
  const folder = await temporaryFolder();
  const missing = readSafetensors(join(folder, 'no.safetensors'));
  await expect(missing).rejects.toMatchObject({
    code: 'FM_FORMAT',
    message: expect.stringContaining('got no file'),
  });
  await expect(readSafetensors(folder)).rejects.toMatchObject({
    code: 'FM_FORMAT',
    message: expect.stringContaining('expected a file, got a folder'),
  });
});

test('flipped bytes and cut files either load or are refused', async () => {
  const whole = Buffer.concat(encodeSafetensors(everyType, { version: '1' }));
  const header = 8 + Number(whole.readBigUInt64LE(0));
  const path = join(await temporaryFolder(), 'fuzzed');
  const flips = fc.array(fc.tuple(fc.nat(header - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  const cut = fc.option(fc.nat(whole.length), { nil: whole.length, freq: 3 });
  const outcomes = { loaded: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(flips, cut, async (changes, length) => {
      const bytes = new Uint8Array(whole.subarray(0, length));
      for (const [at, mask] of changes) if (at < bytes.length) bytes[at] ^= mask;
      await writeFile(path, bytes);
      try {
        await readSafetensors(path);
        outcomes.loaded++;
      } catch (cause) {
        if (!(cause instanceof FieldmarkError)) throw cause;
        expect(cause.code).toBe('FM_FORMAT');
        outcomes.refused++;
      }
    }),
    { numRuns: 400 },
  );
  expect(outcomes.refused).toBeGreaterThan(100);
});

/** Entries that are nearly right, and names and numbers that are not. */
function liars(): fc.Arbitrary<string> {
  const number = fc.constantFrom(0, 1, 2, 4, 8, 12, 16, -1, -8, 0.5, 2 ** 31, 2 ** 53, 1e300, null);
  const entry = fc.record(
    {
      dtype: fc.constantFrom('F32', 'I64', 'U8', 'F16', 'BOOL', 'F8', '__proto__', 1),
      shape: fc.array(number, { maxLength: 3 }),
      data_offsets: fc.array(number, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  );
  const fitting = fc.constantFrom(
    { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
    { dtype: 'U8', shape: [8], data_offsets: [8, 16] },
    { dtype: 'F32', shape: [0, 7], data_offsets: [8, 8] },
    { dtype: 'I64', shape: [], data_offsets: [0, 8] },
  );
  const name = fc.constantFrom(
    'a',
    'b',
    '__proto__',
    'constructor',
    '__metadata__',
    '',
    'toString',
  );
  const value = fc.oneof(fitting, fitting, entry, fc.jsonValue({ maxDepth: 3 }));
  // keys may come twice: no JavaScript object is written
  return fc
    .array(fc.tuple(name, value), { maxLength: 4 })
    .map((pairs) => `{${pairs.map(([k, v]) => `"${k}":${JSON.stringify(v)}`).join()}}`);
}

test('headers that lie either load or are refused', async () => {
  const path = join(await temporaryFolder(), 'lie');
  const outcomes = { loaded: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(liars(), fc.constantFrom(0, 8, 16), async (header, bytes) => {
      await writeFile(path, fileOf(header, bytes));
      try {
        const { tensors } = await readSafetensors(path);
        for (const { shape, data } of tensors.values()) expect(data).toHaveLength(sizeOf(shape));
        outcomes.loaded++;
      } catch (cause) {
        if (!(cause instanceof FieldmarkError)) throw cause;
        expect(cause.code).toBe('FM_FORMAT');
        outcomes.refused++;
      }
    }),
    { numRuns: 500 },
  );
  expect(outcomes.loaded).toBeGreaterThan(10);
  expect(outcomes.refused).toBeGreaterThan(200);
});
