// What can be wrong with an image file: one kind for each reason that a person acts on differently.
// A fault is data (kind and words), so that checks collect it and worker threads hand it on.

import { FieldmarkError } from '../../core/errors.ts';

/** The kinds of faults, with what was expected instead and what to do. */
export const faultTable = {
  missing: {
    expected: 'an image file',
    next: 'Restore the file, or leave it out.',
  },
  'no-permission': {
    expected: 'an image file that may be read',
    next: 'Give yourself permission to read it, or leave it out.',
  },
  unreadable: {
    expected: 'an image file',
    next: 'Restore the file, or leave it out.',
  },
  empty: {
    expected: 'an image file',
    next: 'Copy or download it again, or leave it out.',
  },
  'not-an-image': {
    expected: 'a JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP file',
    next: 'Replace the file, or leave it out.',
  },
  unsupported: {
    expected: 'a JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP file',
    next: 'Convert it to JPEG or PNG with any image program.',
  },
  truncated: {
    expected: 'an image that decodes to its end',
    next: 'Copy or download it again, or leave it out.',
  },
  damaged: {
    expected: 'an image that decodes to its end',
    next: 'Replace the file, or leave it out.',
  },
  'too-large': {
    expected: 'an image below the limit of megapixels',
    next: 'Scale it down, or raise the limit (--max-megapixels) if you trust the file.',
  },
  'too-small': {
    expected: 'a larger image',
    next: 'Take a larger copy of it, or leave it out.',
  },
} as const satisfies Record<string, FaultWords>;

interface FaultWords {
  readonly expected: string;
  readonly next: string;
}

/** Why an image cannot be used. */
export type FaultKind = keyof typeof faultTable;

/** A fault as plain data. */
export interface ImageFault {
  readonly kind: FaultKind;
  /** What was found, such as `a truncated file (premature end of JPEG image)`. */
  readonly got: string;
  /** Where the table's words are too general. */
  readonly expected?: string;
  readonly next?: string;
}

/** FM_IMAGE, with its fault as data. */
export class ImageError extends FieldmarkError {
  readonly fault: ImageFault;

  /** `where` is what messages call the image: its path, or a name. */
  constructor(where: string, fault: ImageFault, cause?: unknown) {
    const { expected, next } = faultTable[fault.kind];
    const { got } = fault;
    super('FM_IMAGE', where, {
      expected: fault.expected ?? expected,
      got,
      next: fault.next ?? next,
      cause,
    });
    this.fault = fault;
  }
}
