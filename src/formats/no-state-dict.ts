// What a pickle holds where it holds no state dict, and what to do about it.

import { fail } from '../core/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { Inert } from './inert.ts';

const MOST_KEYS = 6;
/** Modules whose objects stand beside networks and are none. */
const NO_NETWORK =
  /^(_?collections|builtins|__builtin__|argparse|pathlib|datetime|numpy|copyreg)\b/;

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

function advice(root: unknown): string {
  const load = 'torch.load(FILE, weights_only=False)';
  const save = (what: string) => `torch.save(${what}.state_dict(), 'weights.pth')`;
  const trust = 'In PyTorch, if you trust where the file comes from:';
  if (root instanceof Inert) return `${trust} ${save(load)}.`;
  const entries = root instanceof Map ? [...root] : [];
  const inner = [root, ...entries.map(([, value]) => value)];
  if (inner.some((value) => value instanceof Map && arrays(value) > 0)) {
    return 'Save the arrays as tensors, with safetensors.numpy.save_file(arrays, FILE).';
  }
  const network = entries.find(
    ([key, value]) =>
      typeof key === 'string' && value instanceof Inert && !NO_NETWORK.test(value.path),
  );
  if (network === undefined)
    return 'In PyTorch, save the network with torch.save(model.state_dict(), FILE).';
  return `${trust} ${save(`${load}[${JSON.stringify(`${network[0]}`.slice(0, 40))}]`)}.`;
}
