// A whole run, inside the training process: phases in order, checkpoints, calibration, export.

import { rmdir } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import type { Example } from '../core/example.ts';
import { cutOf, heldBackHash } from '../data/folds.ts';
import { rememberSeen } from '../data/seen-images.ts';
import { topKAccuracy } from '../evaluate/accuracy.ts';
import { fitTemperature } from '../evaluate/temperature.ts';
import { reviewBehind } from '../methods/stage.ts';
import { type ParameterStore, Parameters } from '../nn/scope.ts';
import { exportRecogniser } from '../recognise/export.ts';
import { recogniserGraph } from '../recognise/recogniser-graph.ts';
import {
  type Checkpoint,
  type ChosenEpoch,
  loadCheckpoint,
  type Progress,
  saveCheckpoint,
} from './checkpoint.ts';
import type { RunConfig } from './config.ts';
import type { Divergence, Emit, TrainSummary } from './events.ts';
import { MetricsLog } from './metrics-log.ts';
import { type Phase, type PhaseState, Stopped } from './phase.ts';
import { allOfTrain, checkPlan, phaseOf, stagesOf } from './plan.ts';
import { prepareTask } from './prepare-task.ts';
import { holdToRecipe, recipeOf } from './recipe.ts';
import { findingsOf, reviewStage, withDecisions } from './review.ts';
import {
  lockRun,
  type OpenMode,
  openRun,
  type RunPaths,
  rememberPlaces,
  removeLeftovers,
  runPaths,
} from './run-folder.ts';
import type { Task } from './task.ts';
import { testImages } from './task-images.ts';
import { trainPhase } from './train-phase.ts';
import { validationScores } from './validation-pass.ts';

export interface TrainJob {
  readonly folder: string;
  readonly config: RunConfig;
  readonly mode: OpenMode;
}

/** Trains a run to its end. Aborting the signal stops it after a checkpoint, with `Stopped`. */
export async function runTraining(
  job: TrainJob,
  emit: Emit,
  signal: AbortSignal,
): Promise<TrainSummary> {
  const release = await lockRun(job.folder);
  try {
    const begin = await openRun(job.folder, job.config, job.mode);
    const task = await prepareTask(job.config, emit, signal);
    checkPlan(task, emit);
    const trainer = new Trainer(task, runPaths(job.folder), emit, signal);
    await begin(recipeOf(task));
    await removeLeftovers(job.folder);
    return await trainer.run();
  } catch (cause) {
    throw signal.aborted && cause === signal.reason ? new Stopped() : cause;
  } finally {
    await release();
    await rmdir(job.folder).catch(() => {}); // stays unless it is empty: nothing was begun
  }
}

class Trainer {
  readonly #given: Task;
  readonly #paths: RunPaths;
  readonly #emit: Emit;
  readonly #signal: AbortSignal;
  readonly #metrics: MetricsLog;
  #store: ParameterStore;
  #phase = 0;
  #chosen: ChosenEpoch[] = [];
  #diverged: Divergence[] = [];
  #temperature: number | null = null;
  #validationTop1: number | undefined;
  #state: PhaseState = freshState();
  /** Seconds that earlier processes worked on this run, and when this one began. */
  #secondsBefore = 0;
  readonly #began = performance.now();
  /** Paths whose numbers differ from the fresh network's. */
  #touched = new Set<string>();

  constructor(task: Task, paths: RunPaths, emit: Emit, signal: AbortSignal) {
    this.#given = task;
    this.#paths = paths;
    this.#emit = emit;
    this.#signal = signal;
    this.#metrics = new MetricsLog(paths.metrics);
    this.#store = task.freshStore();
  }

  /** The task, and what was decided about it so far. */
  get #task(): Task {
    return withDecisions(this.#given, this.#chosen);
  }

  /** So many, choosing and refitting. */
  get #phases(): number {
    const { length } = stagesOf(this.#given);
    return this.#given.config.refit ? 2 * length : length;
  }

  readonly #pause = () => {
    if (this.#signal.aborted) throw new Stopped();
  };

  async run(): Promise<TrainSummary> {
    await this.#restore();
    const selecting = stagesOf(this.#task).length;
    const total = this.#phases;
    try {
      for (;;) {
        // the network that was chosen is calibrated, before a refit replaces it
        if (this.#phase === selecting && this.#temperature === null) await this.#calibrate();
        if (this.#phase === total) break;
        await this.#trainNextPart(selecting);
        await this.#save();
      }
    } catch (cause) {
      if (cause instanceof Stopped) await this.#save();
      throw cause;
    }
    return await this.#finish();
  }

  async #trainNextPart(selecting: number): Promise<void> {
    if (this.#phase === selecting) this.#beginRefit();
    const task = this.#task;
    const phase = phaseOf(task, this.#phase, this.#chosen);
    if (phase === undefined) return this.#skip();
    const divergence = await trainPhase(phase, this.#state, {
      task,
      store: this.#store,
      put: (path, tensor) => {
        this.#touched.add(path);
        this.#store.set(path, tensor);
      },
      drop: (path) => this.#store.delete(path),
      metrics: this.#metrics,
      emit: this.#emit,
      save: () => this.#save(),
      stopping: () => this.#signal.aborted,
    });
    if (divergence !== undefined) this.#diverged.push(divergence);
    await this.#endPhase(phase, divergence);
  }

  /** Decisions have left the stage nothing to do. */
  #skip(): void {
    const stage = stagesOf(this.#task)[this.#phase]; // none is behind the last one: a refit is not chosen
    if (stage !== undefined)
      this.#chosen.push({ stage: stage.name, epoch: 0, top1: null, loss: null });
    this.#phase++;
  }

  /** The best epoch's numbers stay; without validation images the last ones do. */
  async #endPhase(phase: Phase, divergence?: Divergence): Promise<void> {
    const { best, bestNumbers, plateau } = this.#state;
    if (best !== null) {
      for (const [path, tensor] of bestNumbers) this.#store.set(path, tensor);
    }
    if (!phase.refit) {
      const epoch = divergence?.kept ?? phase.settings.epochs;
      const last = { epoch, top1: null, loss: null };
      const factors = plateau === null ? {} : { factors: plateau.factors };
      const found = await this.#review(phase);
      this.#chosen.push({ stage: phase.stage.name, ...(best ?? last), ...factors, ...found });
    }
    this.#phase++;
    this.#state = freshState();
  }

  async #review({ stage }: Phase): Promise<Pick<ChosenEpoch, 'finding'>> {
    const { method, context } = this.#task;
    const review = reviewBehind(method.stages(context), stage.name);
    if (review === undefined || this.#given.val.length === 0) return {};
    const pass = { task: this.#task, store: this.#store, emit: this.#emit, pause: this.#pause };
    const seen = await reviewStage(review, stage.name, pass);
    await this.#metrics.append(seen.line);
    if (seen.finding === undefined) return {};
    this.#emit.note(seen.finding.text);
    return { finding: seen.finding };
  }

  #beginRefit(): void {
    if (this.#state.epoch > 0 || this.#state.step > 0) return; // resumed in the middle
    this.#store = this.#task.freshStore();
    this.#touched.clear();
  }

  async #calibrate(): Promise<void> {
    if (this.#task.val.length === 0) {
      this.#temperature = 1;
      return;
    }
    const context = { task: this.#task, emit: this.#emit, pause: this.#pause };
    const scores = await validationScores(this.#store, context);
    const fit = fitTemperature(scores);
    this.#temperature = fit.temperature;
    this.#validationTop1 = topKAccuracy(scores);
    if (fit.atBound) {
      this.#emit.note(
        `temperature ${fit.temperature} is at its bound: ${fit.n} validation images say too little`,
      );
    }
  }

  async #finish(): Promise<TrainSummary> {
    const { method, context, config, geometry, dataset } = this.#task;
    const { train, val, weights, trunk, second } = this.#task;
    const temperature = this.#temperature ?? 1;
    const outputs = recogniserGraph(method, context, new Parameters(), config.size, temperature);
    const images = config.refit ? allOfTrain(this.#task).length : train.length;
    const last = this.#chosen[this.#chosen.length - 1];
    const valTop1 = val.length > 0 ? (this.#validationTop1 ?? last.top1) : null;
    const diverged = this.#diverged;
    const findings = [...findingsOf(this.#chosen), ...diverged.map(({ text }) => text)];
    const origin = trunk ?? weights;
    const { licence, source } = origin?.description ?? {};
    await exportRecogniser(this.#paths.model, outputs, this.#store, {
      classes: [...dataset.classes],
      hierarchy: dataset.hierarchy?.map(({ name, names, ofClass }) => ({
        name,
        names: [...names],
        ofClass: [...ofClass],
      })),
      input: { ...geometry, resizeShort: geometry.resizeShort! },
      temperature,
      backbone: context.backbone.name,
      method: method.name,
      licences: [
        ...(licence ? [`weights: ${licence}`] : []),
        ...(second?.description.licence
          ? [`second network's weights: ${second.description.licence}`]
          : []),
        ...(dataset.licence ? [`images: ${dataset.licence}`] : []),
      ],
      weights: { source: source ?? origin?.path ?? config.weights, sha256: origin?.hash },
      trained: {
        dataset: dataset.name,
        images,
        seed: config.seed,
        validationTop1: valTop1,
        ...(findings.length > 0 ? { findings } : {}),
        ...(cutOf(config) === undefined ? {} : { heldBack: heldBackHash(dataset) }),
        seen: this.#seen(),
      },
    });
    return {
      folder: this.#paths.folder,
      valTop1,
      valSource: this.#task.valSource,
      evaluateOn: this.#evaluateOn(),
      temperature,
      classes: dataset.classes.length,
      trainImages: images,
      stages: this.#chosen.map(({ stage, epoch, top1 }) => ({ stage, epoch, top1 })),
      findings,
      diverged,
    };
  }

  #evaluateOn(): TrainSummary['evaluateOn'] {
    const { dataset, val, valSource, config } = this.#task;
    if (testImages(dataset) > 0) return 'test';
    return val.length > 0 && !(config.refit && valSource === 'held-out') ? 'val' : null;
  }

  /** Photographs that the network was trained on, and those that chose its epochs and its temperature. */
  #seen() {
    const { hashes, train, val, config } = this.#task;
    const hashesOf = (examples: readonly Example[]) =>
      examples.flatMap(({ id }) => hashes.get(id) ?? []);
    const trained = config.refit ? allOfTrain(this.#task) : train;
    return rememberSeen(hashesOf(trained), hashesOf(val));
  }

  async #save(): Promise<void> {
    await this.#metrics.sync();
    const { epoch, step, lossSum, best, bestNumbers, plateau, optimiser } = this.#state;
    const progress: Progress = {
      fingerprint: this.#task.fingerprint,
      part: this.#phase,
      epoch,
      step,
      lossSum,
      best,
      plateau: plateau ?? undefined,
      chosen: this.#chosen,
      ...(this.#diverged.length > 0 ? { diverged: this.#diverged } : {}),
      temperature: this.#temperature,
      validationTop1: this.#validationTop1,
      metricsBytes: await this.#metrics.length(),
      seconds: this.#secondsBefore + (performance.now() - this.#began) / 1000,
    };
    const paths = new Set([...this.#touched, ...this.#task.tables]);
    const parameters = new Map([...paths].map((path) => [path, this.#store.get(path)!]));
    await saveCheckpoint(this.#paths.checkpoint, {
      progress,
      parameters,
      optimiser,
      best: bestNumbers,
    });
  }

  async #restore(): Promise<void> {
    const checkpoint = await loadCheckpoint(this.#paths.checkpoint);
    if (checkpoint === undefined) {
      await this.#holdToRecipe();
      await rememberPlaces(this.#paths.folder, this.#given.config);
      await this.#metrics.cutTo(0);
      return;
    }
    const { progress } = checkpoint;
    this.#mustBeSameData(progress);
    this.#mustHaveSameStages(progress);
    // of a finished run the model is written again, whatever today's defaults are
    if (progress.part < this.#phases) await this.#holdToRecipe();
    await rememberPlaces(this.#paths.folder, this.#given.config);
    await this.#metrics.cutTo(progress.metricsBytes);
    this.#adopt(checkpoint);
    this.#emit.note(
      `resumed at phase ${progress.part + 1}, epoch ${progress.epoch}, step ${progress.step}`,
    );
  }

  async #holdToRecipe(): Promise<void> {
    await holdToRecipe(this.#paths.recipe, recipeOf(this.#given));
  }

  #adopt({ progress, parameters, optimiser, best }: Checkpoint): void {
    for (const [path, tensor] of parameters) {
      this.#store.set(path, tensor);
      this.#touched.add(path);
    }
    this.#phase = progress.part;
    this.#chosen = [...progress.chosen];
    this.#diverged = [...(progress.diverged ?? [])];
    this.#temperature = progress.temperature;
    this.#validationTop1 = progress.validationTop1;
    this.#secondsBefore = progress.seconds ?? 0;
    this.#state = {
      epoch: progress.epoch,
      step: progress.step,
      lossSum: progress.lossSum,
      best: progress.best,
      bestNumbers: new Map(best),
      plateau: progress.plateau ?? null,
      optimiser: new Map(optimiser),
    };
  }

  /** A phase is known by its number: it must be that of the stage it was begun as. */
  #mustHaveSameStages({ part: phase, chosen }: Progress): void {
    const now = stagesOf(withDecisions(this.#given, chosen)).map(({ name }) => name);
    const then = chosen.map(({ stage }) => stage);
    const began = then.length === Math.min(phase, now.length);
    if (began && then.every((name, i) => name === now[i]) && phase <= this.#phases) return;
    throw fail('FM_RUN', this.#paths.folder, {
      expected: `a run of the stages ${now.join(', ')}`,
      got: `one that had ${phase} phases behind it after ${then.join(', ') || 'none'}`,
      next: 'It was begun by another version: go on with that one, or start another run.',
    });
  }

  #mustBeSameData({ fingerprint }: Progress): void {
    if (fingerprint === this.#task.fingerprint) return;
    throw fail('FM_RUN', this.#paths.folder, {
      expected: 'the images, labels and weights that the run was started with',
      got: `others in ${this.#given.config.data} or ${this.#given.config.weights}`,
      next:
        'Put them back as they were (where they lie does not matter), or start a new run; ' +
        "'fieldmark weights convert' makes weights to start from of a finished one.",
    });
  }
}

function freshState(): PhaseState {
  return {
    epoch: 0,
    step: 0,
    lossSum: 0,
    best: null,
    bestNumbers: new Map(),
    plateau: null,
    optimiser: new Map(),
  };
}
