// What a pickle holds where it holds no state dict, and what to do about it.

import { fail } from '../core/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { Inert } from './inert.ts';

const MOST_KEYS = 6;
/** Modules of Python and of libraries that have no networks. */
const NO_NETWORK =
  /^(_?collections|_?builtins|__builtin__|argparse|pathlib|datetime|numpy|copyreg|functools|os|posix|nt|subprocess|sys|shutil|runpy)\./;

/** The error for such a file. */
export function noStateDict(source: ByteSource, root: unknown) {
  return fail('FM_FORMAT', source.path, {
    expected: 'a state dict: tensors by name',
    got: found(root),
    next: advice(root),
  });
}

function found(root: unknown): string {
  if (root instanceof Inert) return `a whole object, made by ${quote(root)}, which was not called`;
  if (!(root instanceof Map))
    return Array.isArray(root) ? `a list of ${root.length}` : 'no dictionary';
  const keys = [...root].slice(0, MOST_KEYS).map(([key, value]) => {
    const name = typeof key === 'string' ? `'${key.slice(0, 40)}'` : 'a key that is no text';
    if (value instanceof Map && arrays(value) > 0) return `${name} (${arrays(value)} NumPy arrays)`;
    return value instanceof Inert ? `${name} (made by ${quote(value)}, not called)` : name;
  });
  return keys.length === 0 ? 'an empty dictionary' : `a dictionary of ${keys.join(', ')}`;
}

function quote({ path }: Inert): string {
  return `'${path.slice(0, 100)}'`;
}

function arrays(entries: ReadonlyMap<unknown, unknown>): number {
  const isArray = (value: unknown) =>
    value instanceof Inert && /^numpy\..*_reconstruct$/.test(value.path);
  return [...entries.values()].filter(isArray).length;
}

/** Whether the path is of a class, as networks are, and not of Python's own. */
function mayBeNetwork(value: unknown): value is Inert {
  return value instanceof Inert && /\.[A-Z][^.]*$/.test(value.path) && !NO_NETWORK.test(value.path);
}

function advice(root: unknown): string {
  const load = 'torch.load(FILE, weights_only=False)';
  const entries = root instanceof Map ? [...root] : [];
  if ([root, ...entries.map(([, value]) => value)].some(hasArrays)) {
    return 'Save the arrays as tensors, with safetensors.numpy.save_file(arrays, FILE).';
  }
  if (mayBeNetwork(root)) return saving(load);
  const network = entries.find(([key, value]) => typeof key === 'string' && mayBeNetwork(value));
  if (network !== undefined) return saving(`${load}[${JSON.stringify(network[0])}]`);
  const save = 'In PyTorch, save the network with torch.save(model.state_dict(), FILE).';
  return root instanceof Inert ? `${save} Do not trust the file.` : save;
}

function hasArrays(value: unknown): boolean {
  return value instanceof Map && arrays(value) > 0;
}

function saving(network: string): string {
  const trust = 'In PyTorch, if you trust where the file comes from:';
  return `${trust} torch.save(${network}.state_dict(), 'weights.pth').`.slice(0, 400);
}
