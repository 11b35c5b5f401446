// Files that are no weights file of a kind that is read, known by how they start: what they are, and
// what would load.

import { fail } from '../core/errors.ts';

/** Bytes of the start that tell. */
export const START_LENGTH = 265;

interface Kind {
  readonly what: string;
  /** At which byte one of the signs stands; a character is a byte. */
  readonly at?: number;
  readonly signs: readonly string[];
  readonly next: string;
}

const SAFE = 'safetensors.numpy.save_file(arrays, FILE), with a dictionary of arrays by name';
const WHOLE = 'Export the network to ONNX and take it whole, with --backbone onnx:FILE.';

const kinds: readonly Kind[] = [
  {
    what: 'a pickle that torch.save did not write',
    signs: ['\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'],
    next: `In Python, save its arrays as tensors: ${SAFE}.`,
  },
  { what: 'an array of NumPy', signs: ['\x93NUMPY'], next: `In Python, save tensors: ${SAFE}.` },
  { what: 'a file of HDF5, as Keras writes', signs: ['\x89HDF'], next: WHOLE },
  { what: 'a model of TensorFlow Lite', at: 4, signs: ['TFL3'], next: WHOLE },
  { what: 'a file that gzip packed', signs: ['\x1f\x8b'], next: 'Unpack it first.' },
  { what: 'an archive of tar', at: 257, signs: ['ustar'], next: 'Unpack it first.' },
  {
    what: 'a pointer of Git LFS in place of the file',
    signs: ['version https://git-lfs'],
    next: "Fetch the file itself, with 'git lfs pull' where it was cloned.",
  },
  {
    what: 'a page of the web',
    signs: ['<!DOCTYPE', '<!doctype', '<html', '<HTML'],
    next: 'Fetch the file itself: the address led to a page about it, or to one that asks to log in.',
  },
  {
    what: 'a text in JSON',
    signs: ['{"', '{\n', '{\r', '{ '],
    next: 'Name the file of tensors that it belongs to.',
  },
];

/** The error for a file that starts so, where it is one of them. */
export function otherFile(path: string, start: Uint8Array) {
  // a safetensors file starts with any number that is not large, and a brace
  if (start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0)) return undefined;
  const text = String.fromCharCode(...start);
  const kind = kinds.find(({ at = 0, signs }) => signs.some((sign) => text.startsWith(sign, at)));
  if (kind === undefined) return undefined;
  const expected = 'safetensors, a state dict that torch.save wrote, or an ONNX model';
  return fail('FM_FORMAT', path, { expected, got: kind.what, next: kind.next });
}
