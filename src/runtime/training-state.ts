// The tensors that training steps hand on: parameters, running statistics, optimiser state. Between
// steps only this file knows where they lie and in which layout.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Shape } from '../core/shape.ts';
import { bytesOf, type HostTensor } from '../core/tensor.ts';
import { type Layout, pack, unpack } from '../graph/blocked/layout.ts';
import { lower } from '../graph/lower.ts';
import { input } from '../graph/ops/leaf.ts';
import { createSession } from './node.ts';
import type { DeviceTensor, Session } from './session.ts';

/** A graph that reads carried tensors and returns new ones. */
export interface StepProgram {
  readonly session: Session;
  /** Input name to output name, of each tensor that a run replaces. */
  readonly carried: ReadonlyMap<string, string>;
  /** Layouts of inputs that are not canonical. */
  readonly layouts?: ReadonlyMap<string, Layout>;
}

/** Carried tensors between steps. */
export interface TrainingState {
  /**
   * Runs a program (by its index; default: the first) on `feeds` and on carried tensors, which fill
   * every input that is not fed. Takes the new ones over and returns the other outputs. After an
   * error the state is as before.
   */
  run(
    feeds: Readonly<Record<string, HostTensor>>,
    program?: number,
  ): Promise<Record<string, HostTensor>>;
  /**
   * Numbers of everything carried, by input name, in row-major layout. They are not to be written
   * to: they may be the very tensors that the next step reads.
   */
  read(): Promise<Map<string, HostTensor>>;
  /** Lets go of the tensors. The sessions stay the caller's. */
  close(): Promise<void>;
}

/** Above these bytes old tensors are collected after each step: AlexNet's largest has 151 MB. */
const COLLECT = 128 * 2 ** 20;
/** Above these bytes a session should have no arena: VGG's largest has 411 MB. */
const NO_ARENA = 256 * 2 ** 20;

/**
 * True where single tensors are so large that an arena grows far beyond what is in use. Without one,
 * a step of VGG-16 takes a quarter longer and a sixth less memory (docs/performance.md).
 */
export function wantsNoArena(numbers: Iterable<HostTensor>): boolean {
  return largest(numbers) >= NO_ARENA;
}

function largest(numbers: Iterable<HostTensor>): number {
  return [...numbers].reduce((bytes, tensor) => Math.max(bytes, bytesOf(tensor).length), 0);
}

/**
 * Starts from `numbers`, one tensor by input name for each that any of the programs carries.
 * A tensor that several programs name is one tensor. Whoever wants no second copy of the numbers
 * lets go of theirs: from the first run on they are out of date.
 */
export function createTrainingState(
  programs: readonly StepProgram[],
  numbers: ReadonlyMap<string, HostTensor>,
): TrainingState {
  const layouts = new Map(programs.flatMap((program) => [...(program.layouts ?? [])]));
  const shapes = new Map<string, Shape>();
  const held = new Map<string, HostTensor | DeviceTensor>();
  for (const [name, tensor] of numbers) {
    const layout = layouts.get(name);
    shapes.set(name, tensor.shape);
    held.set(name, layout === undefined ? tensor : pack(tensor, layout));
  }
  const collect = largest(numbers.values()) >= COLLECT ? garbageCollector() : () => {};
  const replace = (name: string, next: HostTensor | DeviceTensor) => {
    const old = held.get(name);
    held.set(name, next);
    if (old !== undefined && isOnDevice(old)) old.dispose();
  };
  return {
    async run(feeds, program = 0) {
      const { session, carried } = programs[program];
      const { host, kept } = await session.runOnDevice(inputsOf(session, feeds, held));
      for (const [name, next] of carried) {
        replace(name, kept[next] ?? host[next]);
        delete host[next];
      }
      collect(); // milliseconds, after a step of seconds
      return host;
    },
    async read() {
      const onHost = await download(held);
      for (const [name, layout] of layouts) {
        const tensor = onHost.get(name);
        if (tensor !== undefined) onHost.set(name, unpack(tensor, shapes.get(name)!, layout));
      }
      return onHost;
    },
    async close() {
      for (const tensor of held.values()) if (isOnDevice(tensor)) tensor.dispose();
      held.clear();
    },
  };
}

/** What frees tensors that nothing refers to any more; the engine's own collector runs when it likes. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function isOnDevice(tensor: HostTensor | DeviceTensor): tensor is DeviceTensor {
  return 'handle' in tensor;
}

/** All tensors on the host: those on the device go through a graph that copies its inputs. */
async function download(
  held: ReadonlyMap<string, HostTensor | DeviceTensor>,
): Promise<Map<string, HostTensor>> {
  const out = new Map<string, HostTensor>();
  const remote: Record<string, DeviceTensor> = {};
  for (const [name, tensor] of held) {
    if (isOnDevice(tensor)) remote[name] = tensor;
    else out.set(name, tensor);
  }
  if (Object.keys(remote).length === 0) return out;
  const copies = Object.entries(remote).map(([name, { shape, dtype }]) => [
    `host:${name}`,
    input(name, shape, dtype),
  ]);
  const model = lower(Object.fromEntries(copies));
  const session = await createSession(model.bytes, { device: 'webgpu' });
  try {
    const { host } = await session.runOnDevice(remote);
    for (const name of Object.keys(remote)) out.set(name, host[`host:${name}`]);
  } finally {
    await session.close();
  }
  return out;
}

/** What is fed wins over what is carried; the session itself says what is missing. */
function inputsOf(
  { inputNames }: Session,
  feeds: Readonly<Record<string, HostTensor>>,
  held: ReadonlyMap<string, HostTensor | DeviceTensor>,
): Record<string, HostTensor | DeviceTensor> {
  const inputs: Record<string, HostTensor | DeviceTensor> = {};
  for (const name of inputNames) {
    const tensor = feeds[name] ?? held.get(name);
    if (tensor !== undefined) inputs[name] = tensor;
  }
  return inputs;
}
