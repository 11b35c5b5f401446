// Pickles, Python's serialised objects, as far as dictionaries of tensors need them.

import { Machine, PickleError, type PickleHost } from './pickle-machine.ts';
import { STOP, steps } from './pickle-steps.ts';

/** Some forty make a tensor; checkpoints have long lists of losses and of names beside. */
const MAX_STEPS = 2 ** 23;

/**
 * Reads one pickle of protocol 2 to 5, from the byte `from` on. Tuples and lists become arrays,
 * dictionaries Maps, None null, and objects that `host` does not know placeholders. The work is
 * proportional to the length of the pickle, but for what `host` does. Throws a PickleError, or what
 * `host` throws.
 */
export function readPickle(
  bytes: Uint8Array,
  from: number,
  host: PickleHost,
): { value: unknown; end: number } {
  const machine = new Machine(bytes, from, host);
  for (let left = MAX_STEPS; left > 0; left--) {
    const opcode = machine.uint(1);
    if (opcode === STOP) return { value: machine.pop(), end: machine.at };
    const step = steps.get(opcode);
    if (step === undefined) throw new PickleError(`opcode ${opcode}, which no state dict needs`);
    step(machine);
  }
  throw new PickleError(`more than ${MAX_STEPS} steps`);
}
