// PyTorch's files: what a state dict holds, what a hostile one may not do. The files here are made
// by hand; those that PyTorch writes itself are read in the full tests.
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
  const id = tuple(
    text('storage'),
    call('torch.FloatStorage'),
    text(key),
    text('cpu'),
    whole(count),
  );
  const hooks = Buffer.concat([call('collections.OrderedDict'), Buffer.from(')R')]);
  return Buffer.concat([
    call('torch._utils._rebuild_tensor_v2'),
    tuple(
      Buffer.concat([id, Buffer.from('Q')]),
      whole(offset),
      tuple(...sizes.map(whole)),
      tuple(...strides.map(whole)),
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

test('a file is known by its start', () => {
  expect(looksLikePth(archive(dictionary(weights), numbers))).toBe(true);
  expect(looksLikePth(stream(dictionary(weights), numbers))).toBe(true);
  expect(looksLikePth(Buffer.from('{"safetensors"'))).toBe(false);
});
