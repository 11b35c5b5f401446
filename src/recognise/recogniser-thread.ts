// A model in a worker thread: what `Recogniser` needs of it, asked for from here. The other side is
// recogniser-worker.ts.

import type { HostTensor } from '../core/tensor.ts';
import { ImageError } from '../data/image/fault.ts';
import type { ReadPhotograph } from '../data/image/read-photograph.ts';
import type { Session } from '../runtime/session.ts';
import { Thread } from '../runtime/thread.ts';
import type { Manifest } from './manifest.ts';
import type { ModelUse } from './model-use.ts';
import type { ViewRequest } from './photo-view.ts';
import type { CutView } from './view.ts';

/** What the thread loads. */
export interface ThreadModel {
  readonly folder: string;
  readonly threads?: number;
  readonly use: ModelUse;
}

/** What the thread is asked. The first is `open`. */
export type ModelAsk =
  | { readonly kind: 'open'; readonly model: ThreadModel }
  | { readonly kind: 'cut'; readonly request: ViewRequest }
  | { readonly kind: 'run'; readonly feeds: Readonly<Record<string, HostTensor>> };

/** What it says once it is open. */
export interface ModelOpened {
  readonly manifest: Manifest;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

export interface ModelInThread {
  readonly manifest: Manifest;
  readonly session: Session;
  cut(request: ViewRequest): Promise<CutView>;
}

/** Starts the thread and loads a model in it. Errors are those of loading it here. */
export async function openInThread(model: ThreadModel): Promise<ModelInThread> {
  const thread = new Thread<ModelAsk>('recogniser', './recogniser-worker', import.meta.url);
  const close = () => thread.close();
  const opened = await thread.ask<ModelOpened>({ kind: 'open', model }).catch(async (cause) => {
    await close();
    throw cause;
  });
  const { manifest, inputNames, outputNames } = opened;
  const run: Session['run'] = (feeds) => thread.ask({ kind: 'run', feeds: compact(feeds) });
  return {
    manifest,
    session: {
      inputNames,
      outputNames,
      run,
      runOnDevice: async (feeds) => ({
        host: await run(feeds as Parameters<typeof run>[0]),
        kept: {},
      }),
      close,
    },
    async cut({ photo, ...options }) {
      const { copy, bytes } = await copied(photo);
      const ask: ModelAsk = { kind: 'cut', request: { photo: copy, ...options } };
      return await thread.ask<CutView>(ask, [bytes.buffer]).catch((cause) => {
        throw 'fault' in cause ? new ImageError(cause.where, cause.fault) : cause;
      });
    },
  };
}

/** Sending a part of a buffer would send the whole of it. */
function compact(feeds: Readonly<Record<string, HostTensor>>): Record<string, HostTensor> {
  const alone = (tensor: HostTensor): HostTensor =>
    tensor.data.byteLength === tensor.data.buffer.byteLength
      ? tensor
      : ({ ...tensor, data: tensor.data.slice() } as HostTensor);
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, alone(tensor)]));
}

/** Bytes copied in one go: a fraction of a millisecond. */
const PIECE = 1 << 20;

/** A photograph that can be given away; large ones are copied piece by piece, between other work. */
async function copied(
  photo: ReadPhotograph,
): Promise<{ copy: ReadPhotograph; bytes: Uint8Array<ArrayBuffer> }> {
  const source = 'pixels' in photo ? photo.pixels.data : photo.file;
  if (typeof source === 'string') return { copy: photo, bytes: new Uint8Array(0) };
  const bytes = new Uint8Array(source.length);
  for (let at = 0; at < source.length; at += PIECE) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    bytes.set(source.subarray(at, at + PIECE), at);
  }
  const copy =
    'pixels' in photo ? { pixels: { ...photo.pixels, data: bytes } } : { ...photo, file: bytes };
  return { copy, bytes };
}
