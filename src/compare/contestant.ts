// What takes part in a comparison: methods with settings of their own over common ones, and the
// trivial baselines that always stand beside them.

import { isDeepStrictEqual } from 'node:util';
import { fail } from '../core/errors.ts';
import { hashString } from '../core/random.ts';
import { isModulePath, wholePath } from '../formats/own-module.ts';
import { trunkPath } from '../hub/trunk-options.ts';
import { findMethod } from '../methods/table.ts';
import { parseConfig, type RunConfig, type RunConfigInput } from '../train/config.ts';

/** One method with its settings. */
export interface Contestant {
  /** As it was written: `ra-cnn:options.attention=centre`. */
  readonly label: string;
  readonly method: string;
  /** Settings of its own, laid over those that all share. */
  readonly own: Partial<RunConfigInput>;
  /** True for what is only there to be beaten. */
  readonly baseline: boolean;
}

/** The linear classifier on frozen features: the head stage of fine-tuning. */
export const PROBE = 'probe';

/**
 * A contestant from its name; `probe` is the linear classifier on frozen features. Throws FM_USAGE
 * where a setting cannot be a contestant's own.
 */
export function contestantOf(
  label: string,
  name: string,
  own: Partial<RunConfigInput> = {},
): Contestant {
  mustBeOwn(label, own);
  if (name !== PROBE) {
    const method = isModulePath(name) ? wholePath(name) : findMethod(name).name;
    return { label, method, own, baseline: false };
  }
  return { label, method: 'finetune', own: { stages: 'head', ...own }, baseline: true };
}

/** What all are compared on. */
const SHARED: readonly (keyof RunConfigInput)[] = ['data', 'format', 'fold'];

function mustBeOwn(label: string, own: Partial<RunConfigInput>): void {
  const shared = SHARED.find((key) => own[key] !== undefined);
  if (shared === undefined) return;
  throw fail('FM_USAGE', label, {
    expected: 'settings in which methods may differ',
    got: `'${shared}', which all must share`,
    next: 'Give --data, --format, --folds and --fold-seed once, for all of them.',
  });
}

/** The contestants, with the baselines that are not among them yet, and what is to be said of it. */
export function withBaselines(
  contestants: readonly Contestant[],
  common: RunConfigInput,
  find: typeof findMethod = findMethod,
): { contestants: Contestant[]; notes: string[] } {
  const all = [...contestants];
  const notes: string[] = [];
  const add = (extra: Contestant) => {
    const same = (one: Contestant) =>
      one.method === extra.method && isDeepStrictEqual(plain(one.own), plain(extra.own));
    if (!all.some(same)) all.push(extra);
  };
  for (const { label: name, method, own, baseline } of contestants) {
    if (baseline || isModulePath(method)) continue;
    for (const options of find(method).baselines ?? []) {
      const settings = Object.entries(options).map(([key, value]) => `:options.${key}=${value}`);
      const label = `${name}${settings.join('')}`;
      add({
        label,
        method,
        own: { ...own, options: { ...own.options, ...options } },
        baseline: true,
      });
    }
  }
  const { weights, backbone } = parseConfig(common);
  const pretrained = weights !== 'none' || trunkPath(backbone) !== undefined;
  if (pretrained) add(contestantOf(PROBE, PROBE));
  else if (!all.some(({ own }) => own.stages === 'head')) {
    notes.push('no probe beside them: a network from random numbers has no features to probe');
  }
  mustDiffer(all);
  return { contestants: all, notes };
}

/** Without what two objects may differ in that JSON does not show. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

function mustDiffer(contestants: readonly Contestant[]): void {
  const labels = contestants.map(({ label }) => label);
  const twice = labels.find((label, i) => labels.indexOf(label) < i);
  if (twice === undefined) return;
  throw fail('FM_USAGE', '--methods', {
    expected: 'each method once, or with settings of its own',
    got: `'${twice}' twice`,
    next: "Write what differs behind a colon: 'finetune,finetune:stages.all.rate=0.01'.",
  });
}

/** What a contestant is trained with; the head of a probe is not what common epochs are meant for. */
export function configOf({ label, method, own }: Contestant, common: RunConfigInput) {
  const { epochs, options, ...shared } = common;
  const base = label.split(':')[0] === PROBE ? shared : { ...shared, epochs, options };
  return layOver({ ...base, method }, own) as RunConfigInput;
}

/** The settings of `upper` over those of `lower`, object by object; lists count as a whole. */
function layOver(lower: object, upper: object): object {
  const out: Record<string, unknown> = { ...lower };
  for (const [key, value] of Object.entries(upper)) {
    const below = out[key];
    out[key] = isTree(value) && isTree(below) ? layOver(below, value) : value;
  }
  return out;
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A name for a contestant's folder, and for a repetition of it by number, from 0: the label where
 * file systems take it, otherwise with a hash behind what they take of it. No name of a first
 * repetition has an @, so that `x=1@seed1` is not one of `x=1-1`.
 */
export function folderName(label: string, repetition: number): string {
  const plain = label.replaceAll(':', '-').replaceAll(/[^\w.=+-]/g, '_');
  const short = plain.slice(0, 80);
  const name =
    short === label.replaceAll(':', '-')
      ? short
      : `${short}-${hashString(label).toString(16).padStart(8, '0')}`;
  return repetition === 0 ? name : `${name}@seed${repetition}`;
}

/** The configuration without what a person gave to all for stages that this method does not have. */
export function withoutStrangeStages(
  config: RunConfig,
  { own }: Contestant,
  stages: readonly string[],
): RunConfig {
  const kept = Object.entries(config.stage).filter(
    ([name]) => stages.includes(name) || own.stage?.[name] !== undefined,
  );
  return { ...config, stage: Object.fromEntries(kept) };
}
