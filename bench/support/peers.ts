// Who else is on this machine: PyTorch in the pinned environment or the system's, and the
// JavaScript engines. None is needed; rows then show our side alone.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsPeersFolder, peersPython } from '../peers/run-peer.ts';

/** Something that may be missing, and then why. */
export type Found<T> = T | { readonly none: string };

export interface Python {
  /** The interpreter. */
  readonly path: string;
  /** What `contestant.py --versions` says: torch, torchvision, python, numpy, pillow. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface JsEngines {
  /** The folder whose node_modules holds them. */
  readonly folder: string;
  readonly versions: Readonly<Record<'tfjs' | 'jax-js', string>>;
}

export const contestantScript: string = join(import.meta.dirname, '../peers/contestant.py');

/** The pinned environment where there is one, else a Python of the system that has PyTorch. */
export function findPython(): Found<Python> {
  const pinned = peersPython();
  const candidates = pinned === undefined ? ['python3', '/usr/bin/python3'] : [pinned];
  for (const path of candidates) {
    try {
      const output = execFileSync(path, [contestantScript, '--versions'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return { path, versions: JSON.parse(output.trim().split('\n').at(-1)!) };
    } catch {
      // the next one
    }
  }
  return pinned === undefined
    ? { none: 'neither the pinned peers (run bench/peers/setup) nor a python3 that has torch' }
    : { none: 'the pinned peers do not start (run bench/peers/setup)' };
}

/** TensorFlow.js and jax-js, where `bench/peers/setup --js` has put them. */
export function findJsEngines(): Found<JsEngines> {
  const folder = jsPeersFolder();
  if (folder === undefined) return { none: 'not installed (run bench/peers/setup --js)' };
  const version = (name: string): string =>
    JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
  return {
    folder,
    versions: { tfjs: version('@tensorflow/tfjs'), 'jax-js': version('@jax-js/jax') },
  };
}
