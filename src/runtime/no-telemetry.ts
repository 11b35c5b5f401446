// Keeps ONNX Runtime from reporting to its vendor. To be imported before onnxruntime-node: the engine
// reads the environment of the process once, when it is loaded.

import { isMainThread } from 'node:worker_threads';
import { fail } from '../core/errors.ts';

const SWITCH = 'ORT_DISABLE_TELEMETRY';

// what a thread writes into its environment stays with the thread: the engine would not see it
if (!isMainThread && process.env[SWITCH] !== '1') {
  throw fail('FM_RUNTIME', 'worker thread', {
    expected: `the environment variable ${SWITCH}=1, without which the engine reports to its vendor`,
    got: process.env[SWITCH] === undefined ? 'none' : `'${process.env[SWITCH]}'`,
    next: 'Import fieldmark in the main thread before the worker starts, or set it for the process.',
  });
}
process.env[SWITCH] = '1';
