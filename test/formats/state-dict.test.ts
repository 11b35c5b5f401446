// Where a checkpoint keeps its network: under any name, some levels down, whatever stands beside it. And
// what is said where there is none.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPth } from '../../src/formats/pth.ts';
import { temporaryFolder } from '../support/files.ts';
import {
  archive,
  call,
  dictionary,
  dictionaryOf,
  floats,
  stream,
  tensor,
  text,
  tuple,
  typed,
  whole,
} from '../support/torch-files.ts';

const numbers = { 0: floats(1, 2, 3, 4, 5, 6) };
const one = tensor('0', 6, [6], [1]);
const part = tensor('0', 6, [1], [1]);
/** A network of so many tensors: the first is `one`, the others are a part of it. */
const network = (count = 8) =>
  dictionary(
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, i ? part : one])),
  );
/** What a function or class makes of some arguments; `made('os.system', text('ls'))`. */
const made = (path: string, ...args: Buffer[]) =>
  Buffer.concat([call(path), tuple(...args), Buffer.from('R')]);
/** The same of a class's `__new__`, with attributes. */
const object = (path: string, attributes = dictionary({})) =>
  Buffer.concat([call(path), Buffer.from(')\x81', 'latin1'), attributes, Buffer.from('b')]);
const list = (...items: Buffer[]) => Buffer.concat([Buffer.from(']('), ...items, Buffer.from('e')]);
const optimizer = dictionary({
  state: dictionaryOf(whole(0), dictionary({ exp_avg: one, step: one })),
  param_groups: list(dictionary({ lr: whole(1), params: list(whole(0)) })),
});

async function read(bytes: Buffer) {
  const path = join(await temporaryFolder(), 'weights.pth');
  await writeFile(path, bytes);
  return await readPth(path);
}

/** What stands beside state dicts in the checkpoints of trainers. */
const beside: Record<string, Buffer> = {
  'a number of NumPy': made(
    'numpy._core.multiarray.scalar',
    made('numpy.dtype', text('f8')),
    made('_codecs.encode', text('\u0000Q@'), text('latin1')),
  ),
  'an array of NumPy': Buffer.concat([
    made('numpy.core.multiarray._reconstruct', call('numpy.ndarray'), tuple(whole(0)), text('b')),
    tuple(whole(1), tuple(whole(3)), text('O')),
    Buffer.from('b'),
  ]),
  'arguments of the command line': object('argparse.Namespace', dictionary({ lr: whole(1) })),
  'a path': made('pathlib.PosixPath', text('/'), text('data')),
  'a set': made('__builtin__.set', list(whole(1), whole(2))),
  'a set of protocol 4': Buffer.concat([
    Buffer.from('\x8f(', 'latin1'),
    whole(1),
    Buffer.from('\x90', 'latin1'),
  ]),
  'a frozen set': Buffer.concat([Buffer.from('('), whole(1), Buffer.from('\x91', 'latin1')]),
  'a counter': made('collections.Counter', dictionaryOf(whole(3), whole(1))),
  'a dictionary of a class': Buffer.concat([
    object('easydict.EasyDict'),
    text('lr'),
    whole(1),
    Buffer.from('s'),
  ]),
  'a list of a class': Buffer.concat([object('omegaconf.ListConfig'), whole(1), Buffer.from('a')]),
  'a type of tensors': call('torch.float32'),
  'a device': made('torch.device', text('cpu')),
  'an enumeration': made('builtins.getattr', call('trainer.Phase'), text('TRAIN')),
  'a call of what a call gave': Buffer.concat([
    made('functools.partial', call('builtins.print')),
    Buffer.from(')R'),
  ]),
  'an object with named arguments': Buffer.concat([
    call('datetime.timedelta'),
    Buffer.from(')}\x92', 'latin1'),
  ]),
  'an object of an older Python': Buffer.concat([
    Buffer.from('(icfg\nNode\n'),
    dictionary({}),
    Buffer.from('b'),
  ]),
  'another one': Buffer.concat([Buffer.from('('), call('cfg.Node'), whole(1), Buffer.from('o')]),
  'a large number': Buffer.concat([Buffer.from('8b00020000', 'hex'), Buffer.alloc(512, 1)]),
  bytes: Buffer.from('96020000000000000001028e0100000000000000ff30', 'hex'),
  'a tensor of another type': typed('7', 'torch.CharStorage', 5),
  'a quantised tensor': made('torch._utils._rebuild_qtensor', whole(1)),
  'a sparse tensor': made('torch._utils._rebuild_sparse_tensor', call('torch.sparse_coo'), tuple()),
  'an optimiser': optimizer,
  'one tensor': one,
};

for (const [name, write] of Object.entries({ archive, stream })) {
  test.each(Object.entries(beside))(`${name}: beside %s`, async (_, other) => {
    const root = dictionary({ first: other, weights: network(), last: other });
    const { tensors, place, others } = await read(write(root, numbers));
    expect(tensors.size).toBe(8);
    expect(tensors.get('w0')!.data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect([place, others]).toEqual(['weights', []]);
  });
}

const copies: [what: string, root: Buffer, place: string, others: string[]][] = [
  [
    'one level deeper',
    dictionary({ model: dictionary({ state_dict: network() }) }),
    'model.state_dict',
    [],
  ],
  ['in a list', list(whole(3), network(), optimizer), '1', []],
  ['in a pair', tuple(network(), optimizer), '0', []],
  [
    'in a dictionary of a class',
    Buffer.concat([object('box.Box'), text('net'), network(), Buffer.from('s')]),
    'net',
    [],
  ],
  ['beside one tensor', dictionary({ best_acc1: one, state_dict: network() }), 'state_dict', []],
  [
    'an average first',
    dictionary({ model: network(), model_ema: network() }),
    'model_ema',
    ['model'],
  ],
  ['an average of camels', dictionary({ net: network(), netEma: network() }), 'netEma', ['net']],
  [
    'an average within',
    dictionary({ model: network(), ema: dictionary({ module: network() }) }),
    'ema.module',
    ['model'],
  ],
  ['not an average of parts', dictionary({ ema: network(8), model: network(9) }), 'model', ['ema']],
  [
    'not an average of one',
    dictionary({ ema: dictionary({ decay: one }), model: network() }),
    'model',
    [],
  ],
  ['the best first', dictionary({ last: network(), best: network() }), 'best', ['last']],
  [
    'a student first',
    dictionary({ teacher: network(9), student: network() }),
    'student',
    ['teacher'],
  ],
  ['a teacher alone', dictionary({ teacher: network(9), head: network(2) }), 'teacher', []],
  [
    'no optimiser by names',
    dictionary({ optimizer: network(9), net: network() }),
    'net',
    ['optimizer'],
  ],
  ['the larger one', dictionary({ head: network(8), trunk: network(20) }), 'trunk', ['head']],
  [
    'by its usual name',
    dictionary({ other: network(), state_dict: network() }),
    'state_dict',
    ['other'],
  ],
];

test.each(copies)('%s', async (_, root, place, others) => {
  const found = await read(archive(root, numbers));
  expect([found.place, found.others]).toEqual([place, others]);
});

test('types that are not read are named, and no damage', async () => {
  const root = dictionary({
    w: one,
    scale: typed('1', 'torch.CharStorage', 4),
    packed: made('torch._utils._rebuild_qtensor', whole(1)),
    odd: typed('2', 'torch.NewStorage', 4),
    version: whole(2),
  });
  const { tensors, unread } = await read(archive(root, numbers));
  expect([...tensors.keys()]).toEqual(['w']);
  expect(Object.fromEntries(unread)).toEqual({
    scale: 'int8',
    packed: "made by 'torch._utils._rebuild_qtensor'",
    odd: 'torch.NewStorage',
  });
});

test('a stream: numbers of other types are passed over, unless nobody knows how long they are', async () => {
  const write = (type: string) => {
    const root = dictionary({
      counts: typed('0', type, 5),
      net: dictionary({ w: tensor('1', 6, [6], [1]) }),
    });
    return stream(root, { 0: Buffer.alloc(5), 1: numbers[0] }, { 0: 1 });
  };
  expect((await read(write('torch.CharStorage'))).tensors.get('w')!.data).toEqual(
    Float32Array.of(1, 2, 3, 4, 5, 6),
  );
  await expect(read(write('torch.NewStorage'))).rejects.toThrow(
    /got 'torch\.NewStorage', behind which the others cannot be found.*state_dict\(\) alone/,
  );
});

/** _rebuild_tensor_v3(storage, offset, sizes, strides, False, OrderedDict(), type) */
const newTensor = (key: string, bytes: number, sizes: number[], type: string) => {
  const id = [text('storage'), call('torch.storage.UntypedStorage'), text(key), text('cpu')];
  const storage = Buffer.concat([tuple(...id, whole(bytes)), Buffer.from('Q')]);
  const hooks = Buffer.concat([call('collections.OrderedDict'), Buffer.from(')R')]);
  const no = Buffer.from([0x89]);
  const shape = [tuple(...sizes.map(whole)), tuple(...sizes.map(() => whole(1)))];
  return made(
    'torch._utils._rebuild_tensor_v3',
    storage,
    whole(0),
    ...shape,
    no,
    hooks,
    call(type),
  );
};

test.each([
  [
    'torch.float8_e4m3fn',
    [0x00, 0x01, 0x38, 0xb8, 0x7e, 0x7f],
    [0, 2 ** -9, 1, -1, 448, Number.NaN],
  ],
  [
    'torch.float8_e5m2',
    [0x00, 0x01, 0x3c, 0xbc, 0x7b, 0x7c],
    [0, 2 ** -16, 1, -1, 57344, Infinity],
  ],
])('%s is widened', async (type, bytes, expected) => {
  const file = archive(dictionary({ w: newTensor('0', 6, [6], type) }), { 0: Buffer.from(bytes) });
  expect((await read(file)).tensors.get('w')!.data).toEqual(Float32Array.from(expected));
});

test('parameters with attributes, and tensors of a class', async () => {
  const root = dictionary({
    a: made('torch._utils._rebuild_parameter', one, Buffer.from([0x88]), dictionary({})),
    b: made(
      'torch._utils._rebuild_parameter_with_state',
      one,
      Buffer.from([0x88]),
      dictionary({}),
      dictionary({ tag: text('x') }),
    ),
    c: made(
      'torch._tensor._rebuild_from_type_v2',
      call('torch._utils._rebuild_parameter'),
      call('mine.Tensor'),
      tuple(one),
      dictionary({}),
    ),
  });
  expect([...(await read(archive(root, numbers))).tensors.keys()]).toEqual(['a', 'b', 'c']);
});

const network18 = object(
  'torchvision.models.resnet.ResNet',
  dictionary({ _modules: dictionary({}) }),
);
const arrays = dictionary({ w: beside['an array of NumPy'] });
const nothing: [what: string, root: Buffer, message: RegExp][] = [
  [
    'a whole network',
    network18,
    /got a whole object, made by 'torchvision\.models\.resnet\.ResNet'.* torch\.save\(torch\.load\(FILE, weights_only=False\)\.state_dict\(\)/,
  ],
  [
    'one among others',
    dictionary({ args: beside['arguments of the command line'], net: network18 }),
    /'net' \(made by 'torchvision.*torch\.load\(FILE, weights_only=False\)\["net"\]\.state_dict/,
  ],
  [
    'arrays of NumPy',
    dictionary({ model: arrays }),
    /'model' \(1 NumPy arrays\).*safetensors\.numpy\.save_file/,
  ],
  ['arrays of NumPy by name', arrays, /safetensors\.numpy\.save_file/],
  ['numbers', dictionary({ epoch: whole(3) }), /got a dictionary of 'epoch'\. In PyTorch, save/],
  ['an empty dictionary', dictionary({}), /an empty dictionary/],
  ['a long list', list(...Array.from({ length: 20 }, () => network())), /a list of 20/],
  ['a number', whole(3), /no dictionary/],
];

test.each(nothing)('%s: what is there, and what would load', async (_, root, message) => {
  for (const write of [archive, stream]) {
    await expect(read(write(root, numbers))).rejects.toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringMatching(message),
    });
  }
});

test('a whole network of an older file, whose class comes with its source', async () => {
  const id = tuple(
    text('module'),
    call('torchvision.models.resnet.ResNet'),
    text('resnet.py'),
    text('import os'),
  );
  const root = Buffer.concat([
    id,
    Buffer.from('Q)\x81', 'latin1'),
    dictionary({}),
    Buffer.from('b'),
  ]);
  await expect(read(stream(root, {}))).rejects.toThrow(
    /made by 'torchvision\.models\.resnet\.ResNet'/,
  );
});

test('nobody is told to load a file that wants to run something else', async () => {
  for (const evil of [made('os.system', text('ls')), made('subprocess.Popen', text('ls'))]) {
    for (const root of [evil, dictionary({ net: evil })]) {
      const error = await read(archive(root, numbers)).catch((cause) => cause);
      expect(error.message).not.toContain('torch.load');
    }
    await expect(read(archive(evil, numbers))).rejects.toThrow('Do not trust the file.');
  }
});

test('nothing of a file is run, wherever it stands', async () => {
  const mark = join(await temporaryFolder(), 'called');
  const evil = made('os.system', text(`touch ${mark}`));
  const deep = dictionary({ a: evil, state_dict: dictionary({ w: one, x: evil }), b: list(evil) });
  const keys = Buffer.concat([Buffer.from('}'), evil, deep, Buffer.from('s')]);
  for (const root of [deep, keys]) await read(archive(root, numbers)).catch(() => {});
  expect(existsSync(mark)).toBe(false);
});
