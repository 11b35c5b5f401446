// PyTorch's files: what a state dict holds, what a hostile one may not do. The files here are made
// by hand; those that PyTorch writes itself are read in the full tests.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { looksLikePth, readPth } from '../../src/formats/pth.ts';
import { temporaryFolder } from '../support/files.ts';

const MAGIC = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
const text = (s: string) => {
  const bytes = Buffer.from(s);
  const head = Buffer.from([0x58, 0, 0, 0, 0]);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};
const whole = (n: number) => {
  const bytes = Buffer.from([0x4a, 0, 0, 0, 0]);
  bytes.writeInt32LE(n, 1);
  return bytes;
};
const call = (name: string) => Buffer.from(`c${name.replace(/\.(?=[^.]*$)/, '\n')}\n`);
const tuple = (...parts: Buffer[]) => Buffer.concat([Buffer.from('('), ...parts, Buffer.from('t')]);
const pickle = (...parts: Buffer[]) =>
  Buffer.concat([Buffer.from([0x80, 2]), ...parts, Buffer.from('.')]);

/** _rebuild_tensor_v2(storage, offset, sizes, strides, False, OrderedDict()) */
function tensor(key: string, count: number, sizes: number[], strides: number[], offset = 0) {
  return rebuilt(text(key), sizes.map(whole), strides.map(whole), { count, offset });
}

/** The same of pickles: of the key, and of the sizes or their list. */
function rebuilt(
  key: Buffer,
  sizes: Buffer | readonly Buffer[],
  strides: readonly Buffer[],
  { count = 6, offset = 0 } = {},
) {
  const id = tuple(text('storage'), call('torch.FloatStorage'), key, text('cpu'), whole(count));
  const hooks = Buffer.concat([call('collections.OrderedDict'), Buffer.from(')R')]);
  return Buffer.concat([
    call('torch._utils._rebuild_tensor_v2'),
    tuple(
      Buffer.concat([id, Buffer.from('Q')]),
      whole(offset),
      Buffer.isBuffer(sizes) ? sizes : tuple(...sizes),
      tuple(...strides),
      Buffer.from([0x89]),
      hooks,
    ),
    Buffer.from('R'),
  ]);
}

const dictionary = (entries: Record<string, Buffer>) =>
  Buffer.concat([
    Buffer.from('}('),
    ...Object.entries(entries).flatMap(([name, value]) => [text(name), value]),
    Buffer.from('u'),
  ]);

/** A dictionary with one entry, whatever its key. */
const dictionaryOf = (key: Buffer, value: Buffer) =>
  Buffer.concat([Buffer.from('}'), key, value, Buffer.from('s')]);

/** A tuple that holds one tuple twice, which holds one twice, and so on. */
const doubled = (times: number) =>
  Buffer.concat([
    Buffer.from(')q\x05'),
    ...Array.from({ length: times }, () => Buffer.from('0h\x05h\x05\x86q\x05', 'latin1')),
  ]);

const floats = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer);

/** An archive of stored entries. */
function zip(entries: Record<string, Buffer>): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [name, data] of Object.entries(entries)) {
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const piece = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    central.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), fields, tail, Buffer.from(name)]),
    );
    local.push(piece);
    at += piece.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...local, directory, Buffer.from('PK\x05\x06'), end]);
}

const archive = (root: Buffer, storages: Record<string, Buffer>) =>
  zip({
    'm/data.pkl': pickle(root),
    'm/byteorder': Buffer.from('little'),
    ...Object.fromEntries(Object.entries(storages).map(([key, data]) => [`m/data/${key}`, data])),
  });

function stream(root: Buffer, storages: Record<string, Buffer>): Buffer {
  const counts = Object.values(storages).flatMap((data) => {
    const count = Buffer.alloc(8);
    count.writeBigInt64LE(BigInt(data.length / 4));
    return [count, data];
  });
  const keys = pickle(Buffer.from(']('), ...Object.keys(storages).map(text), Buffer.from('e'));
  return Buffer.concat([
    MAGIC,
    pickle(whole(1001)),
    pickle(Buffer.from('}')),
    pickle(root),
    keys,
    ...counts,
  ]);
}

async function read(bytes: Buffer) {
  const path = join(await temporaryFolder(), 'weights.pth');
  await writeFile(path, bytes);
  return await readPth(path);
}

const numbers = { 0: floats(1, 2, 3, 4, 5, 6) };
const weights = {
  w: tensor('0', 6, [2, 3], [3, 1]),
  turned: tensor('0', 6, [3, 2], [1, 3]),
  part: tensor('0', 6, [2], [1], 4),
};

for (const [name, write] of Object.entries({ archive, stream })) {
  test(`${name}: tensors in order, turned and in part, of one storage`, async () => {
    const found = await read(write(dictionary(weights), numbers));
    expect([...found].map(([key, t]) => [key, t.shape, [...(t.data as Float32Array)]])).toEqual([
      ['w', [2, 3], [1, 2, 3, 4, 5, 6]],
      ['turned', [3, 2], [1, 4, 2, 5, 3, 6]],
      ['part', [2], [5, 6]],
    ]);
  });

  test(`${name}: the state dict of a checkpoint`, async () => {
    const root = dictionary({ epoch: whole(3), state_dict: dictionary({ w: weights.w }) });
    expect([...(await read(write(root, numbers))).keys()]).toEqual(['w']);
  });

  test(`${name}: whatever it wants to call is refused and not called`, async () => {
    const mark = join(await temporaryFolder(), 'called');
    const evil = Buffer.concat([call('os.system'), tuple(text(`touch ${mark}`)), Buffer.from('R')]);
    await expect(read(write(dictionary({ w: evil }), numbers))).rejects.toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringContaining("got a call of 'os.system', which was not made"),
    });
    expect(existsSync(mark)).toBe(false);
  });

  test.each([
    ['beyond its storage', tensor('0', 6, [2, 3], [3, 1], 1)],
    ['larger than its storage', tensor('0', 6, [100000, 100000], [0, 0])],
    ['without numbers', tensor('7', 6, [2, 3], [3, 1])],
    ['of more numbers than there are', tensor('0', 600, [2, 300], [300, 1])],
  ])(`${name}: a tensor %s`, async (_, bad) => {
    await expect(read(write(dictionary({ bad }), numbers))).rejects.toMatchObject({
      code: 'FM_FORMAT',
    });
  });

  test(`${name}: cut short anywhere, or any byte changed: one error or tensors, never a crash`, async () => {
    const good = write(dictionary(weights), numbers);
    const change = fc.record({
      at: fc.nat(good.length - 1),
      to: fc.integer({ min: 0, max: 255 }),
      cut: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, to, cut }) => {
        const bytes = Buffer.from(cut ? good.subarray(0, at) : good);
        if (!cut) bytes[at] = to;
        await read(bytes).catch((error) => expect(error.code).toBe('FM_FORMAT'));
      }),
      { seed: 4, numRuns: 300 },
    );
  });
}

/** Pickles that would keep a careless machine busy, or fill its memory. */
const bombs: Record<string, Buffer> = {
  'a key of lists within lists, each twice the last': dictionaryOf(doubled(60), weights.w),
  'a storage called so': dictionary({ w: rebuilt(doubled(60), [whole(6)], [whole(1)]) }),
  'a name called so': Buffer.concat([doubled(60), text('OrderedDict'), Buffer.from('\x93')]),
  'lists within lists, a million deep': Buffer.concat([
    Buffer.alloc(1e6, ']'),
    Buffer.alloc(1e6 - 1, 'a'),
  ]),
  'bytes of a negative length': Buffer.from('42fbffffff', 'hex'),
  'a number of four gigabytes': Buffer.from('8bffffffff', 'hex'),
  'a text of 2^64 bytes': Buffer.from('8dffffffffffffffff', 'hex'),
  'millions of dictionaries': Buffer.concat([Buffer.from('('), Buffer.alloc(2 ** 21, '}')]),
  'a list as long as it says': Buffer.concat([
    Buffer.from(']'),
    dictionaryOf(text('length'), whole(2 ** 31 - 1)),
    Buffer.from('b'),
  ]),
  'one list copied into many dictionaries': Buffer.concat([
    Buffer.from('(('),
    ...Array.from({ length: 2000 }, () => tuple(whole(1), whole(2))),
    Buffer.from('tq\0'),
    ...Array.from({ length: 2000 }, () =>
      Buffer.concat([call('collections.OrderedDict'), Buffer.from('h\0\x85R')]),
    ),
    Buffer.from('t'),
  ]),
  'a hundred axes': tensor('0', 6, Array(100).fill(1), Array(100).fill(0)),
  'a call with a thousand arguments': Buffer.concat([
    call('torch.Size'),
    tuple(...Array.from({ length: 1000 }, () => whole(1))),
    Buffer.from('R'),
  ]),
  'one storage turned a hundred times': dictionary(
    Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`w${i}`, tensor('0', 6, [3, 2], [1, 3])]),
    ),
  ),
};

for (const [name, write] of Object.entries({ archive, stream })) {
  test.each(Object.entries(bombs))(
    `${name}: %s: one error, soon`,
    { timeout: 60_000 },
    async (_, root) => {
      const error = await read(write(root, numbers)).catch((cause) => cause);
      expect(error).toMatchObject({ code: 'FM_FORMAT' });
      expect(error.message.length).toBeLessThan(1000);
    },
  );

  test(`${name}: a list that grows behind the tensor's back`, async () => {
    const sizes = Buffer.concat([Buffer.from(']q\0('), whole(6), Buffer.from('e')]);
    const later = Buffer.concat([Buffer.from('h\0'), whole(1000), Buffer.from('a0')]);
    const w = Buffer.concat([rebuilt(text('0'), sizes, [whole(1)]), later]);
    const found = await read(write(dictionary({ w }), numbers));
    expect(found.get('w')?.shape).toEqual([6]);
  });

  test(`${name}: programs of pieces in any order: one error or tensors`, async () => {
    const pieces = [
      ...[
        '(',
        ')',
        ']',
        '}',
        't',
        'a',
        'e',
        's',
        'u',
        'R',
        'b',
        'N',
        '0',
        'Q',
        '\x85',
        '\x86',
        '.',
      ],
      ...['q\0', 'q\x01', 'h\0', 'h\x01', 'r\0\0\0\x01', '\x94', '\x93'],
    ].map((piece) => Buffer.from(piece, 'latin1'));
    const known = ['collections.OrderedDict', 'torch.Size', 'torch.FloatStorage'];
    const calls = [...known, 'torch._utils._rebuild_tensor_v2'].map(call);
    const values = [text('w'), text('__proto__'), text('storage'), whole(0), whole(6), whole(-1)];
    const piece = fc.constantFrom(
      ...pieces,
      ...pieces,
      ...calls,
      ...values,
      ...Object.values(weights),
    );
    const good = [text('w'), weights.w, Buffer.from('s')];
    const program = fc.tuple(fc.array(piece, { maxLength: 20 }), fc.nat(3), fc.boolean());
    const outcomes = { loaded: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(program, async ([parts, at, start]) => {
        const whole = [...good.slice(0, at), ...parts, ...good.slice(at)];
        const root = Buffer.concat([Buffer.from(start ? '}' : ''), ...whole]);
        try {
          for (const { shape, data } of (await read(write(root, numbers))).values()) {
            expect(data).toHaveLength(shape.reduce((a, b) => a * b, 1));
          }
          outcomes.loaded++;
        } catch (cause) {
          expect(cause).toMatchObject({ code: 'FM_FORMAT' });
          outcomes.refused++;
        }
      }),
      { numRuns: 500 },
    );
    expect(outcomes.loaded).toBeGreaterThan(5);
    expect(outcomes.refused).toBeGreaterThan(100);
  });
}

test('a hash takes in the whole file', async () => {
  for (const bytes of [
    archive(dictionary(weights), numbers),
    stream(dictionary(weights), numbers),
  ]) {
    const path = join(await temporaryFolder({ file: bytes }), 'file');
    const hash = createHash('sha256');
    await readPth(path, { hash });
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

test('a file is known by its start', () => {
  expect(looksLikePth(archive(dictionary(weights), numbers))).toBe(true);
  expect(looksLikePth(stream(dictionary(weights), numbers))).toBe(true);
  expect(looksLikePth(Buffer.from('{"safetensors"'))).toBe(false);
});
