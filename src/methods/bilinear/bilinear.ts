// Bilinear CNN: Lin, RoyChowdhury, Maji, "Bilinear CNN models for fine-grained visual recognition",
// ICCV 2015, arXiv 1504.07889; compact by tensor sketch: Gao et al., CVPR 2016, arXiv 1511.06062.
//
//   Phi = X_A X_B' / L,   z = unit(sign(Phi) sqrt(|Phi| + e)),   s = W z + b,   often with A = B
//
// Step one trains W on cached descriptors of the frozen network, step two everything together, step
// three W again, or in its place support vector machines as in the paper (svm-finish.ts).

import { add, mul } from '../../graph/ops/arithmetic.ts';
import { reshape } from '../../graph/ops/movement.ts';
import { concat } from '../../graph/ops/slice.ts';
import { sum } from '../../graph/ops/sum.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { isInBackbone } from '../../nn/backbones/backbone.ts';
import { linear } from '../../nn/layers.ts';
import { classEntropy, oneHot } from '../../nn/losses.ts';
import { cellGrid, turnBack } from '../../nn/receptive-field.ts';
import { finerLevel } from '../../nn/scda.ts';
import type { Scope } from '../../nn/scope.ts';
import { boxesOf } from '../../nn/zoom.ts';
import { pathsBehind, unfrozen } from '../backbone-pass.ts';
import { bilinearHeat } from '../heat.ts';
import type { Method, Recognition } from '../method.ts';
import { headSettings, networkSettings } from '../settings.ts';
import type { FeatureStage, ImageStage } from '../stage.ts';
import type { StageSettings } from '../stage-settings.ts';
import {
  type BilinearContext as Context,
  lighterThan,
  mapsOf,
  pool,
  rowOf,
  type SeenMaps,
  unitOf,
} from './descriptor.ts';
import {
  type BilinearOptions,
  bilinearOptions,
  type CompactBilinearOptions,
  compactBilinearOptions,
} from './options.ts';
import { marginLoss, marginSettings, scaledScores } from './svm-finish.ts';

function classify(context: Context, scope: Scope, unit: Value): Value {
  return linear(scope.child('head'), unit, context.classes);
}

/** Step one. Where step two follows, its classifier is held back (ADR 0012). */
function headStage(context: Context): FeatureStage {
  const decay = context.backbone.frozen ? CONVERGED : 1e-3;
  // four times the usual rate saves most of the epochs
  return classifierStage(context, 'head', { ...headSettings(), rate: 8, decay });
}

/**
 * Step three: on descriptors that are what they will be, nothing has to be held back for. Without
 * it the classifier is as small as step two had to keep it, and behind its descriptors (ADR 0012).
 */
function lastStage(context: Context): FeatureStage {
  // descriptors that were trained lie farther apart, so that step one's rate may be too high
  const settings = { ...headSettings(), epochs: 30, rate: 4, decay: CONVERGED };
  return classifierStage(context, 'classifier', settings);
}

/** Next to no decay: of unit descriptors a classifier that has converged has large weights. */
const CONVERGED = 1e-8;

/**
 * The classifier alone, on cached descriptors. Their common part is large and their differences are
 * small, so that more than the usual rate is stable.
 */
function classifierStage(context: Context, name: string, settings: StageSettings): FeatureStage {
  const logits = (scope: Scope, row: Value) =>
    classify(context, scope, unitOf(context, scope, row));
  return {
    name,
    source: 'features',
    features: (scope, image) => rowOf(context, scope, image),
    unitRows: true,
    classify: logits,
    trains: (path) => path.startsWith('head.'),
    loss: (scope, { input, targets }) => ({ loss: classEntropy(logits(scope, input), targets) }),
    settings,
    keeps: 'last',
  };
}

/** Step two. */
function networkStage(context: Context): ImageStage {
  const trainable = unfrozen(context);
  let pooled: ReadonlySet<string> | undefined;
  // layers behind the pooled map have no part in the loss; what finds the object counts as given
  const uncut = { ...context, options: { ...context.options, crop: 'none' as const } };
  const counts = (path: string) => {
    pooled ??= pathsBehind(
      (scope, image) => pool(uncut, scope, mapsOf(uncut, scope, image, 'frozen').maps).unit,
    );
    return !isInBackbone(path) || pooled.has(path);
  };
  return {
    name: 'all',
    source: 'images',
    whole: true,
    trains: (path) => trainable(path) && counts(path),
    loss: (scope, { input, targets }) => {
      const { unit } = pool(context, scope, mapsOf(context, scope, input, context.norms).maps);
      return { loss: classEntropy(classify(context, scope, unit), targets) };
    },
    settings: stepTwoSettings(context),
  };
}

/** Of a unit descriptor the classifier learns at some hundred times the usual rate, as in step one. */
function stepTwoSettings({ pretrained }: Context): StageSettings {
  const settings = networkSettings(pretrained);
  return pretrained ? { ...settings, headFactor: 1000 } : settings;
}

/** The paper's step three: rows are those of a photograph and of its mirror image, [N, 2, ...]. */
function svmStage(context: Context): FeatureStage {
  const flat = (rows: Value) => {
    const [n, two, ...row] = rows.shape;
    return reshape(rows, [n * two, ...row]);
  };
  return {
    name: 'svm',
    source: 'features',
    features: (scope, image) => {
      const rows = [false, true].map((mirror) => rowOf(context, scope, image, { mirror }));
      return reshape(concat(rows, 0), [1, 2, ...rows[0].shape.slice(1)]);
    },
    unitRows: true,
    classify: (scope, rows) => {
      const unit = unitOf(context, scope, flat(rows));
      const scores = scaledScores(scope.child('head'), unit, context.classes);
      return meanOfViews(scores);
    },
    trains: (path) => path.startsWith('head.'),
    loss: (scope, { input, labels: classOf, targets: { weights } }) => {
      const labels = classOf();
      const [n] = labels.shape;
      const { classes } = context;
      const own = mul(oneHot(labels, classes), reshape(weights, [n, 1]));
      const twice = reshape(concat([own, own], 1), [2 * n, classes]);
      const unit = unitOf(context, scope, flat(input));
      return { loss: marginLoss(scope.child('head'), unit, twice) };
    },
    settings: marginSettings(trainingImages(context)),
    keeps: 'last',
  };
}

/** Those of all classes; 500 where a method is looked at without a task. */
function trainingImages({ imagesOfClass }: Context): number {
  return imagesOfClass?.reduce((total, count) => total + count, 0) ?? 500;
}

/** [2 N, K] to [N, K]. */
function meanOfViews(scores: Value): Value {
  const [rows, k] = scores.shape;
  const pairs = reshape(scores, [rows / 2, 2, k]);
  return mul(sum(pairs, [1]), 0.5);
}

function recogniser(context: Context, scope: Scope, image: Value): Recognition {
  const size = image.shape[1];
  const seen = mapsOf(context, scope, image, 'frozen');
  const { maps } = seen;
  const pooled = pool(context, scope, maps);
  const [descriptors] = maps;
  const heat = (score: Value) => bilinearHeat(score, maps, pooled);
  const common = { embedding: pooled.unit };
  if (context.options.finish !== 'svm') {
    const logits = classify(context, scope, pooled.unit);
    return { ...common, logits, ...evidenceOf(context, seen, heat) };
  }
  const looking = { mirror: true, object: seen.object };
  const other = mapsOf(context, scope, image, 'frozen', looking).maps;
  const otherPooled = pool(context, scope, other);
  const scores = (unit: Value) => scaledScores(scope.child('head'), unit, context.classes);
  const both = (score: Value) => {
    const behind = bilinearHeat(score, other, otherPooled);
    return add(heat(score), turnBack(behind, cellGrid(descriptors, size), size));
  };
  return {
    ...common,
    logits: mul(add(scores(pooled.unit), scores(otherPooled.unit)), 0.5),
    ...evidenceOf(context, seen, both),
  };
}

/** What is drawn of an image, and of the square of it that was pooled; `heat` is of what was pooled. */
function evidenceOf(
  context: Context,
  { maps, last, finer, object }: SeenMaps,
  heat: (score: Value) => Value,
) {
  const [descriptors] = maps;
  // the map behind other descriptors is not trained along: their energy stands for it
  const mapOf = (own: Value, behind: Value) =>
    own === behind ? unsigned(context, behind) : mul(own, own);
  if (object === undefined) return { descriptors, map: mapOf(descriptors, last), finer, heat };
  const { whole, square } = object;
  return {
    map: mapOf(whole.descriptors ?? whole.map, whole.map),
    finer: finerLevel(whole),
    closer: [{ map: descriptors, square, heat }],
    boxes: boxesOf([square]),
  };
}

/** Maps of networks from elsewhere may have signs. */
function unsigned({ backbone }: Context, map: Value): Value {
  return backbone.frozen ? relu(map) : map;
}

/** Step three, if any; behind a frozen network step one has trained the classifier to its end. */
function lastSteps(context: Context): FeatureStage[] {
  const { finish } = context.options;
  if (finish === 'svm') return [svmStage(context)];
  return finish === 'softmax' && !context.backbone.frozen ? [lastStage(context)] : [];
}

const method: Omit<Method<BilinearOptions>, 'name' | 'citation' | 'about' | 'options'> = {
  needs: ['labels'],
  second: ({ second, secondWeights }) =>
    second === 'none' ? undefined : { backbone: second, weights: secondWeights },
  stages: (context) => [
    // from random numbers there is nothing for step one to learn from
    ...(context.pretrained ? [headStage(context)] : []),
    ...(context.backbone.frozen ? [] : [networkStage(context)]),
    ...lastSteps(context),
  ],
  lighter: (context, stage) =>
    `${stage === 'classifier' ? 'Set options.finish=none. ' : ''}${lighterThan(context)}`,
  recogniser,
};

export const bilinear: Method<BilinearOptions> = {
  ...method,
  name: 'bilinear',
  citation: 'Lin et al. 2015, arXiv 1504.07889',
  about: 'products of all pairs of channels, averaged over the map, and a linear classifier',
  options: bilinearOptions,
};

export const compactBilinear: Method<CompactBilinearOptions> = {
  ...method,
  name: 'compact-bilinear',
  citation: 'Gao et al. 2016, arXiv 1511.06062; Lin et al. 2015, arXiv 1504.07889',
  about: 'bilinear pooling, sketched into a few thousand numbers',
  options: compactBilinearOptions,
};
