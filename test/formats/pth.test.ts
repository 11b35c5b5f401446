// PyTorch's files: what a state dict holds, what a hostile one may not do. The files here are made
// by hand; those that PyTorch writes itself are read in the full tests.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { looksLikePth, readPth } from '../../src/formats/pth.ts';
import { temporaryFolder } from '../support/files.ts';
import {
  archive,
  call,
  dictionary,
  dictionaryOf,
  floats,
  rebuilt,
  stream,
  tensor,
  text,
  tuple,
  whole,
} from '../support/torch-files.ts';

async function read(bytes: Buffer) {
  const path = join(await temporaryFolder(), 'weights.pth');
  await writeFile(path, bytes);
  return (await readPth(path)).tensors;
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

  test(`${name}: whatever it wants to call is not called, and no reason to refuse`, async () => {
    const mark = join(await temporaryFolder(), 'called');
    const evil = Buffer.concat([call('os.system'), tuple(text(`touch ${mark}`)), Buffer.from('R')]);
    await expect(read(write(dictionary({ w: evil }), numbers))).rejects.toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringContaining("'w' (made by 'os.system', not called)"),
    });
    await expect(read(write(evil, numbers))).rejects.toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringContaining("made by 'os.system', which was not called"),
    });
    const beside = dictionary({ optimiser: evil, state_dict: dictionary({ w: weights.w }) });
    expect([...(await read(write(beside, numbers))).keys()]).toEqual(['w']);
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

/** A tuple that holds one tuple twice, which holds one twice, and so on. */
const doubled = (times: number) =>
  Buffer.concat([
    Buffer.from(')q\x05'),
    ...Array.from({ length: times }, () => Buffer.from('0h\x05h\x05\x86q\x05', 'latin1')),
  ]);

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
  'millions of objects that are not built': Buffer.concat([
    Buffer.from('('),
    call('a.B'),
    Buffer.from('q\0'),
    ...Array.from({ length: 2 ** 21 }, () => Buffer.from('h\0)\x81', 'latin1')),
    Buffer.from('t'),
  ]),
  'a number of sixteen megabytes': dictionaryOf(
    text('w'),
    Buffer.concat([Buffer.from('8b00000001', 'hex'), Buffer.alloc(2 ** 24, 7)]),
  ),
  'hundreds of thousands of dictionaries with the same number': Buffer.concat([
    tensor('0', 60, [60], [1]),
    Buffer.from('q\x070}('),
    ...Array.from({ length: 3e5 }, (_, i) =>
      Buffer.concat([text(`${i}`), Buffer.from('}'), text('w'), Buffer.from('h\x07s')]),
    ),
    Buffer.from('u'),
  ]),
  'a dictionary that holds itself': Buffer.concat([
    Buffer.from('}q\0'),
    text('w'),
    Buffer.from('h\0s'),
  ]),
  'dictionaries within dictionaries, a hundred thousand deep': Buffer.concat([
    ...Array.from({ length: 1e5 }, () => Buffer.concat([Buffer.from('}'), text('w')])),
    Buffer.from('}'),
    Buffer.alloc(1e5, 's'),
  ]),
  'dictionaries that share what they hold, sixty times twice': Buffer.concat([
    Buffer.from('}q\x05'),
    ...Array.from({ length: 60 }, () =>
      Buffer.concat([
        Buffer.from('}('),
        ...[text('a'), Buffer.from('h\x05'), text('b'), Buffer.from('h\x05')],
        Buffer.from('uq\x05'),
      ]),
    ),
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
