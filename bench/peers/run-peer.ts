// Runs the Python peers of this folder. Tests and benchmarks use it; the package never does.

import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));

/** The peers' interpreter, or undefined where `bench/peers/setup` has not set them up. */
export function peersPython(): string | undefined {
  const path = execFileSync(`${here}setup`, ['--python'], { encoding: 'utf8' }).trim();
  return path === '' ? undefined : path;
}

/** The folder of the JavaScript engines, or undefined where `setup --js` has not put them. */
export function jsPeersFolder(): string | undefined {
  const path = execFileSync(`${here}setup`, ['--js-folder'], { encoding: 'utf8' }).trim();
  return path === '' ? undefined : path;
}

/**
 * Sets the peers up when they are not (minutes, several GB), and returns the interpreter, or the
 * reason why there is none.
 */
export function setUpPeers(): { python: string } | { none: string } {
  const output = execFileSync(`${here}setup`, [], { encoding: 'utf8' }).trim();
  const python = peersPython();
  return python === undefined ? { none: output.split('\n').at(-1)! } : { python };
}

export interface PeerOptions {
  /** Nothing else runs: idle threads may spin, as they do by default. For timings. */
  alone?: boolean;
}

/** Runs `bench/peers/<program>.py` and returns the JSON object of its last line. */
export async function runPeer<T>(
  program: string,
  args: readonly string[],
  { alone = false }: PeerOptions = {},
): Promise<T> {
  const python = peersPython();
  if (python === undefined) {
    throw new Error(`${program}: expected the Python peers, found none. Run bench/peers/setup`);
  }
  // On a busy machine PyTorch's spinning threads make it many times slower than sleeping ones.
  const env = alone ? process.env : { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' };
  const { stdout } = await promisify(execFile)(python, [`${here}${program}.py`, ...args], {
    env,
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
}
