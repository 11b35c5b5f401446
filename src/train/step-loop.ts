// The loop over the epochs and steps of a phase. Numbers stay with the stepper while it runs; the
// host's are brought up to date before validation, before checkpoints, and at the end.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { Pace } from '../core/progress.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { TrainedStage } from '../methods/stage.ts';
import { afterEpoch, plateauStart, scheduleFactor } from '../nn/schedules.ts';
import { type BatchSource, uniformNumbers } from './batches.ts';
import type { BestEpoch } from './checkpoint.ts';
import {
  Diverged,
  divergenceOf,
  mustBeFinite,
  mustHoldNumbers,
  nothingToKeep,
} from './divergence.ts';
import type { Divergence } from './events.ts';
import { byScale } from './metrics-log.ts';
import type { Phase, PhaseHost, PhaseState } from './phase.ts';
import { averageInput } from './step-graph.ts';
import type { Stepper, StepResult } from './stepper.ts';
import { scoreOf, type ValidationResult, type Validator } from './validation.ts';

/** What a loop works with. */
export interface Machinery {
  readonly source: BatchSource;
  readonly stepper: Pick<Stepper, 'paths' | 'step' | 'read'>;
  /** Null where nothing is chosen. */
  readonly validate: Validator | null;
  /** Throws when a person asked to stop. */
  readonly pause: () => void;
}

export class StepLoop {
  readonly #phase: Phase;
  readonly #state: PhaseState;
  readonly #host: PhaseHost;
  readonly #with: Machinery;
  readonly #pace = new Pace();
  /** The stepper alone has the current numbers. */
  #ahead = false;
  /** Where nothing is validated: the last epoch on images, to fall back on. */
  #last: { readonly epoch: number; readonly numbers: Map<string, HostTensor> } | undefined;
  #savedAt = performance.now();

  constructor(phase: Phase, state: PhaseState, host: PhaseHost, machinery: Machinery) {
    this.#phase = phase;
    this.#state = state;
    this.#host = host;
    this.#with = machinery;
  }

  /** Trains to the end of the phase, or to where it diverges: then an epoch before is kept. */
  async run(): Promise<Divergence | undefined> {
    try {
      await this.#epochs();
      return undefined;
    } catch (cause) {
      if (!(cause instanceof Diverged)) throw cause;
      return await this.#fallBack(cause);
    }
  }

  async #epochs(): Promise<void> {
    const state = this.#state;
    const { epochs } = this.#phase.settings;
    if (state.epoch > 0 && state.step === 0) this.#remember();
    while (state.epoch < epochs) {
      while (state.step < this.#with.source.stepsPerEpoch) {
        await this.#step();
        await this.#maybeSave();
      }
      await this.#endEpoch();
      // features make for epochs of milliseconds: there the clock decides when to save
      if (this.#phase.stage.source === 'images') await this.#save();
      else await this.#maybeSave();
    }
    await this.#bringBack();
    if (state.best !== null) return;
    const numbers = this.#chosenNumbers();
    mustHoldNumbers(state.epoch, numbers);
    for (const [path, tensor] of numbers) this.#host.put(path, tensor);
  }

  /** The best epoch stays, or the last one that was finite; FM_TRAINING where there is none. */
  async #fallBack(diverged: Diverged): Promise<Divergence> {
    const { best } = this.#state;
    const kept = best?.epoch ?? this.#last?.epoch;
    if (kept === undefined) throw nothingToKeep(this.#phase, diverged);
    for (const [path, tensor] of this.#last?.numbers ?? []) this.#host.put(path, tensor);
    const divergence = divergenceOf(this.#phase, diverged, kept);
    const { stage, refit, text } = divergence;
    await this.#host.metrics.append({ stage, refit, finding: text });
    this.#host.emit.note(text);
    return divergence;
  }

  #remember(): void {
    const { stage } = this.#phase;
    if (this.#with.validate !== null || stage.source !== 'images') return;
    this.#last = { epoch: this.#state.epoch, numbers: this.#chosenNumbers() };
  }

  async #step(): Promise<void> {
    const { source, stepper } = this.#with;
    const state = this.#state;
    const { stage } = this.#phase;
    const batch = await source.load(state.epoch, state.step);
    const globalStep = state.epoch * source.stepsPerEpoch + state.step;
    const rate = this.#rate(globalStep);
    const { seed } = this.#host.task.config;
    this.#letGo();
    const result = await stepper.step({
      ...batch,
      rate,
      number: globalStep + 1,
      progress: globalStep / (this.#phase.settings.epochs * source.stepsPerEpoch),
      draw: (name, shape) => uniformNumbers(seed, stage.name, globalStep, name, shape),
    });
    mustBeFinite(state.epoch + 1, {
      [`the loss of step ${globalStep}`]: result.loss,
      [`the norm of the gradients of step ${globalStep}`]: result.gradientNorm,
    });
    state.lossSum += result.loss;
    state.step++;
    await this.#report(globalStep, result, rate);
    await nextTurn(); // lets messages in: run() does not
  }

  #rate(globalStep: number): number {
    const { settings, factors } = this.#phase;
    const { schedule, epochs } = settings;
    const { stepsPerEpoch } = this.#with.source;
    const found = factors ?? this.#state.plateau?.factors;
    const factor = scheduleFactor(schedule, globalStep, stepsPerEpoch, epochs);
    return settings.rate * factor * (found?.[this.#state.epoch] ?? 1);
  }

  async #report(globalStep: number, result: StepResult, rate: number): Promise<void> {
    const { source } = this.#with;
    const { stage, settings, refit } = this.#phase;
    const { loss, gradientNorm, metrics } = result;
    const total = settings.epochs * source.stepsPerEpoch;
    const done = globalStep + 1;
    const pace = this.#pace.measure(done, total);
    if (stage.source === 'images') {
      const line = {
        stage: stage.name,
        refit,
        step: globalStep,
        loss,
        rate,
        gradientNorm,
        ...metrics,
      };
      await this.#host.metrics.append(line);
    } else if (done % 50 !== 0 && done !== total) return;
    const epoch = Math.floor(globalStep / source.stepsPerEpoch) + 1;
    this.#host.emit.progress({
      task: `${refit ? 'refit ' : ''}${stage.name} epoch ${epoch}/${settings.epochs}`,
      done,
      total,
      facts: [
        `loss ${loss.toFixed(3)}`,
        ...Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(3)}`),
      ].join('  '),
      perSecond: pace.perSecond * source.batch,
      secondsLeft: pace.secondsLeft,
    });
  }

  async #endEpoch(): Promise<void> {
    const state = this.#state;
    const { stage, settings, refit } = this.#phase;
    const result = await this.#validate();
    const loss = state.lossSum / this.#with.source.stepsPerEpoch;
    await this.#mustBeUsable(result);
    state.epoch++;
    state.step = 0;
    state.lossSum = 0;
    if (result !== null) this.#learnFrom(result);
    this.#remember();
    const facts = {
      stage: stage.name,
      refit,
      epoch: state.epoch,
      epochs: settings.epochs,
      loss,
      valTop1: result?.top1 ?? null,
    };
    const { scales, score } = result ?? {};
    await this.#host.metrics.append({
      ...facts,
      valLoss: result?.loss ?? null,
      ...byScale('valTop1', scales),
      ...(score === undefined ? {} : { [`val:${score.name}`]: score.value }),
    });
    this.#host.emit.epoch({
      ...facts,
      ...(scales === undefined ? {} : { valScales: scales }),
      ...(score === undefined ? {} : { valScore: score }),
    });
  }

  async #validate(): Promise<ValidationResult | null> {
    const { validate } = this.#with;
    if (validate === null) return null;
    await this.#bringBack();
    return await validate(new Map([...this.#host.store, ...this.#chosenNumbers()]));
  }

  /** Throws `Diverged` where the epoch has left numbers that are none. */
  async #mustBeUsable(result: ValidationResult | null): Promise<void> {
    const epoch = this.#state.epoch + 1;
    if (result !== null) mustBeFinite(epoch, { 'the loss on the validation images': result.loss });
    // of features it is seen at the end of the phase: their epochs are short
    if (result === null && this.#phase.stage.source === 'features') return;
    await this.#bringBack();
    mustHoldNumbers(epoch, this.#chosenNumbers());
  }

  /** Keeps the numbers of the best epoch, and lets the schedule see how it goes. */
  #learnFrom(result: ValidationResult): void {
    const state = this.#state;
    const { stage, settings } = this.#phase;
    const { schedule } = settings;
    if (isBetter(result, state.best, stage.keeps)) {
      state.best = { epoch: state.epoch, ...result };
      state.bestNumbers = this.#chosenNumbers();
    }
    if (schedule.kind !== 'plateau') return;
    state.plateau = afterEpoch(schedule, state.plateau ?? plateauStart, {
      top1: scoreOf(result),
      loss: result.loss,
    });
  }

  /** Numbers of all that this phase changes, by path: the averages, where they are kept. */
  #chosenNumbers(): Map<string, HostTensor> {
    const { store } = this.#host;
    const { optimiser } = this.#state;
    const numbers = (path: string) => optimiser.get(averageInput(path)) ?? store.get(path)!;
    return new Map(this.#with.stepper.paths.map((path) => [path, numbers(path)]));
  }

  /** Keeps no second copy of numbers that the next step replaces. */
  #letGo(): void {
    if (this.#ahead) return;
    for (const path of this.#with.stepper.paths) this.#host.drop(path);
    this.#state.optimiser = new Map();
    this.#ahead = true;
  }

  /** Brings the host's numbers up to date. */
  async #bringBack(): Promise<void> {
    if (!this.#ahead) return;
    const { parameters, optimiser } = await this.#with.stepper.read();
    for (const [path, tensor] of parameters) this.#host.put(path, tensor);
    this.#state.optimiser = optimiser;
    this.#ahead = false;
  }

  async #maybeSave(): Promise<void> {
    const seconds = (performance.now() - this.#savedAt) / 1000;
    if (this.#host.stopping() || seconds >= this.#host.task.config.checkpointEvery) {
      await this.#save();
    }
    this.#with.pause();
  }

  async #save(): Promise<void> {
    await this.#bringBack();
    await this.#host.save();
    this.#savedAt = performance.now();
  }
}

/** A higher score, or the same with a lower loss; or just later. */
function isBetter(
  result: ValidationResult,
  best: BestEpoch | null,
  keeps: TrainedStage['keeps'] = 'best',
): boolean {
  if (best === null || keeps !== 'best') return true;
  const [now, before] = [scoreOf(result), scoreOf(best)];
  return now > before || (now === before && result.loss < best.loss);
}
