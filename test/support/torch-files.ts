// Files of PyTorch made by hand: pickles of dictionaries and tensors, in archives and in streams.

import { crc32 } from 'node:zlib';

/** What streams start with. */
export const MAGIC = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
/** A text. */
export const text = (s: string) => {
  const bytes = Buffer.from(s);
  const head = Buffer.from([0x58, 0, 0, 0, 0]);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};
/** A whole number. */
export const whole = (n: number) => {
  const bytes = Buffer.from([0x4a, 0, 0, 0, 0]);
  bytes.writeInt32LE(n, 1);
  return bytes;
};
/** The name of a function or class, `os.system`. */
export const call = (name: string) => Buffer.from(`c${name.replace(/\.(?=[^.]*$)/, '\n')}\n`);
/** A tuple of what is pickled. */
export const tuple = (...parts: Buffer[]) =>
  Buffer.concat([Buffer.from('('), ...parts, Buffer.from('t')]);
/** A whole pickle. */
export const pickle = (...parts: Buffer[]) =>
  Buffer.concat([Buffer.from([0x80, 2]), ...parts, Buffer.from('.')]);

/** _rebuild_tensor_v2(storage, offset, sizes, strides, False, OrderedDict()) */
export function tensor(key: string, count: number, sizes: number[], strides: number[], offset = 0) {
  return rebuilt(text(key), sizes.map(whole), strides.map(whole), { count, offset });
}

/** A tensor in a storage of another type, `torch.CharStorage`. */
export const typed = (key: string, type: string, count: number) =>
  rebuilt(text(key), [whole(count)], [whole(1)], { count, type });

/** The same of pickles: of the key, and of the sizes or their list. */
export function rebuilt(
  key: Buffer,
  sizes: Buffer | readonly Buffer[],
  strides: readonly Buffer[],
  { count = 6, offset = 0, type = 'torch.FloatStorage' } = {},
) {
  const id = tuple(text('storage'), call(type), key, text('cpu'), whole(count));
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

/** A dictionary of names. */
export const dictionary = (entries: Record<string, Buffer>) =>
  Buffer.concat([
    Buffer.from('}('),
    ...Object.entries(entries).flatMap(([name, value]) => [text(name), value]),
    Buffer.from('u'),
  ]);

/** A dictionary with one entry, whatever its key. */
export const dictionaryOf = (key: Buffer, value: Buffer) =>
  Buffer.concat([Buffer.from('}'), key, value, Buffer.from('s')]);

/** Bytes of numbers. */
export const floats = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer);

/** An archive of stored entries. */
export function zip(entries: Record<string, Buffer>): Buffer {
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

/** A file as torch.save writes it: an object and the numbers of its storages. */
export const archive = (root: Buffer, storages: Record<string, Buffer>) =>
  zip({
    'm/data.pkl': pickle(root),
    'm/byteorder': Buffer.from('little'),
    ...Object.fromEntries(Object.entries(storages).map(([key, data]) => [`m/data/${key}`, data])),
  });

/** The same as a stream of pickles. Numbers have four bytes where `widths` does not say others. */
export function stream(
  root: Buffer,
  storages: Record<string, Buffer>,
  widths: Record<string, number> = {},
): Buffer {
  const counts = Object.entries(storages).flatMap(([key, data]) => {
    const count = Buffer.alloc(8);
    count.writeBigInt64LE(BigInt(data.length / (widths[key] ?? 4)));
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
