// Settles on what the engine runs: the part of a configuration that depends on the machine.

import { fail } from '../core/errors.ts';
import type { LoweringChoice } from '../runtime/choices.ts';
import { chooseDevice } from '../runtime/device.ts';
import { chooseLowering } from '../runtime/probe.ts';
import { processors } from '../runtime/processors.ts';
import type { Device } from '../runtime/session.ts';
import type { RunConfig } from './config.ts';

type EngineConfig = Pick<RunConfig, 'threads' | 'device' | 'lowering'>;

/** Where the machine lacks what a run was started with. */
const RESUME = 'Resume on the machine where the run was started, or start another run.';

/**
 * Threads, device and lowering as they go into the run's configuration: no longer `auto`. A run
 * that is resumed keeps what it was started with, wherever the new configuration says `auto`.
 */
export async function settleEngine(
  wished: EngineConfig,
  before: EngineConfig | undefined,
  say: (note: string) => void,
): Promise<EngineConfig> {
  const kept = <T extends string>(choice: T, old: T | undefined) =>
    choice === 'auto' && old !== undefined ? old : choice;
  const device = await chooseDevice(kept(wished.device, before?.device), say);
  const resumed = wished.lowering === 'auto' && before !== undefined;
  const choice = kept(wished.lowering, before?.lowering);
  const lowering = await settleLowering(choice, device, say, resumed ? RESUME : undefined);
  return { threads: wished.threads ?? processors(), device, lowering };
}

async function settleLowering(
  choice: LoweringChoice,
  device: Device,
  say: (note: string) => void,
  next?: string,
): Promise<LoweringChoice> {
  if (device === 'cpu') {
    return (await chooseLowering(choice, say, next)) === 'portable' ? 'portable' : 'blocked';
  }
  if (choice !== 'blocked') return 'portable';
  throw fail('FM_USAGE', '--lowering blocked', {
    expected: '--device cpu',
    got: `--device ${device}`,
    next: 'Blocked layouts are for processors; leave --lowering out.',
  });
}
