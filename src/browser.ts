// The entry for browsers: the recogniser in use. Nothing that it imports knows Node.

import { fail } from './core/errors.ts';
import { decodeOnCanvas } from './data/image/canvas.ts';
import type { Photograph } from './data/image/photograph.ts';
import { MANIFEST_FILE, type Manifest, MODEL_FILE, parseManifest } from './recognise/manifest.ts';
import { Recogniser } from './recognise/recogniser.ts';
import { cutPixels, type LookOptions } from './recognise/view.ts';
import { createWebSession, type OrtWeb } from './runtime/web.ts';

export { type ErrorCode, FieldmarkError } from './core/errors.ts';
export type { RawImage } from './core/raw-image.ts';
export type { Manifest } from './recognise/manifest.ts';
export {
  type Answer,
  type Evidence,
  type LevelAnswer,
  type Prediction,
  type PredictOptions,
  Recogniser,
} from './recognise/recogniser.ts';
export type { OrtWeb };

/** The two files of an exported model: the text of fieldmark.json, and model.onnx. */
export interface ModelFiles {
  readonly manifest: string;
  readonly model: Uint8Array;
}

export interface BrowserOptions {
  /** onnxruntime-web: `import * as ort from 'onnxruntime-web'`. */
  readonly ort: OrtWeb;
  /** Its execution providers, in the order of preference. Default: `wasm`. */
  readonly providers?: readonly string[];
}

/**
 * Loads a model: the address of the folder that has fieldmark.json and model.onnx, or the files. In
 * `predict`, text is the address of a photograph. Throws FM_RUN for files that cannot be fetched,
 * FM_FORMAT for such as do not belong together, FM_RUNTIME where the engine refuses.
 */
export async function loadRecogniser(
  from: string | URL | ModelFiles,
  { ort, providers = ['wasm'] }: BrowserOptions,
): Promise<Recogniser> {
  const files = typeof from === 'string' || from instanceof URL ? await fetchModel(from) : from;
  const manifest = parseManifest(files.manifest, MANIFEST_FILE);
  await mustBelong(files.model, manifest);
  const session = await createWebSession(ort, files.model, providers);
  const look = async (photo: Photograph, { within, maxPixels }: LookOptions) =>
    cutPixels(await decodeOnCanvas(photo, maxPixels), manifest.input, within);
  return new Recogniser(manifest, session, { look });
}

async function fetchModel(folder: string | URL): Promise<ModelFiles> {
  const base = new URL(`${folder}`.replace(/\/?$/, '/'), globalThis.location?.href);
  const [manifest, model] = await Promise.all(
    [MANIFEST_FILE, MODEL_FILE].map((file) => fetchFile(new URL(file, base))),
  );
  return {
    manifest: await manifest.text(),
    model: new Uint8Array(await model.arrayBuffer()),
  };
}

async function fetchFile(url: URL): Promise<Response> {
  const response = await fetch(url).catch((cause) => {
    throw unfetched(url, String((cause as Error)?.message ?? cause), cause);
  });
  if (!response.ok) throw unfetched(url, `status ${response.status} of the server`);
  return response;
}

function unfetched(url: URL, got: string, cause?: unknown) {
  return fail('FM_RUN', `${url}`, {
    expected: `a file of a model (${MANIFEST_FILE} and ${MODEL_FILE})`,
    got,
    next: "Serve the run's folder 'model', and give its address.",
    cause,
  });
}

/** Pages without a secure context have no digest: there the manifest is believed. */
async function mustBelong(model: Uint8Array, { sha256 }: Manifest): Promise<void> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) return;
  const digest = new Uint8Array(await subtle.digest('SHA-256', model as BufferSource));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hash === sha256) return;
  throw fail('FM_FORMAT', MODEL_FILE, {
    expected: `the model that its manifest describes (SHA-256 ${sha256.slice(0, 12)}...)`,
    got: `another or a damaged one (${hash.slice(0, 12)}...)`,
    next: 'Copy both files together, or export the model again.',
  });
}
