// Archives that are no state dict, known by the names of their entries: what they are, and how their
// numbers get into a file that can be read.

import { fail } from '../core/errors.ts';
import type { ByteSource } from './byte-source.ts';

interface Kind {
  readonly what: string;
  readonly entry: RegExp;
  readonly next: string;
}

const kinds: readonly Kind[] = [
  {
    what: 'a TorchScript program',
    entry: /(^|\/)constants\.pkl$|(^|\/)code\/.*\.py$/,
    next:
      'In PyTorch, if you trust where the file comes from: ' +
      "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth').",
  },
  {
    what: 'a program of torch.export',
    entry: /(^|\/)(archive_format|serialized_exported_program\.json)$|(^|\/)models\/[^/]+\.json$/,
    next:
      'In PyTorch, if you trust where the file comes from: ' +
      "torch.save(torch.export.load(FILE).state_dict, 'weights.pth').",
  },
  {
    what: "an archive of NumPy's arrays",
    entry: /\.npy$/,
    next: "In Python: safetensors.numpy.save_file(dict(numpy.load(FILE)), 'weights.safetensors').",
  },
  {
    what: 'a model of Keras',
    entry: /(^|\/)model\.weights\.h5$/,
    next: 'Export it to ONNX and take it whole, with --backbone onnx:FILE.',
  },
];

/** The error for an archive with these entries, where it is one of them. */
export function otherArchive(source: ByteSource, entries: readonly string[]) {
  const kind = kinds.find(({ entry }) => entries.some((name) => entry.test(name)));
  if (kind === undefined) return undefined;
  const expected = 'a state dict that torch.save wrote, or safetensors';
  return fail('FM_FORMAT', source.path, { expected, got: kind.what, next: kind.next });
}
