// Every op there is. The tests walk this table: an op without a test case fails them.

import type { Op } from '../value.ts';
import { eluOp, leakyReluOp } from './activation.ts';
import { addOp, divOp, logOp, mulOp, powOp, subOp } from './arithmetic.ts';
import { castOp, equalOp, greaterOp, indicatorOp, lessOp, whereOp } from './compare.ts';
import { conv2dGradInputOp, conv2dGradWeightOp, conv2dOp } from './conv.ts';
import { detachOp } from './detach.ts';
import { embedOp } from './embed.ts';
import { argMaxOp, gatherOp, scatterAddOp } from './gather.ts';
import { layerNormOp } from './layer-norm.ts';
import { constantOp, inputOp, parameterOp, settableOp } from './leaf.ts';
import { gemmOp, matmulOp, sumOfSquaresOp } from './matmul.ts';
import { reshapeOp, transposeOp } from './movement.ts';
import { batchNormOp, channelAffineOp } from './norm.ts';
import {
  avgPoolOp,
  globalAveragePoolOp,
  maxPoolGradOp,
  maxPoolOp,
  maxPoolSelectOp,
} from './pool.ts';
import { logSoftmaxOp, maxOp, softmaxOp } from './reduce.ts';
import { signedSqrtOp } from './signed-sqrt.ts';
import { concatOp, placeOp, sliceOp } from './slice.ts';
import { expandOp, sumOp } from './sum.ts';
import { topKOp } from './top-k.ts';
import {
  absOp,
  clampOp,
  erfOp,
  expOp,
  hardSigmoidOp,
  reluOp,
  sigmoidOp,
  sqrtOp,
  tanhOp,
} from './unary.ts';

// biome-ignore lint/suspicious/noExplicitAny: each op has its own attributes
export const opTable: readonly Op<any>[] = [
  inputOp,
  constantOp,
  parameterOp,
  settableOp,
  embedOp,
  addOp,
  subOp,
  mulOp,
  divOp,
  powOp,
  logOp,
  greaterOp,
  lessOp,
  equalOp,
  whereOp,
  castOp,
  indicatorOp,
  expOp,
  sqrtOp,
  sigmoidOp,
  tanhOp,
  reluOp,
  hardSigmoidOp,
  clampOp,
  absOp,
  erfOp,
  leakyReluOp,
  eluOp,
  signedSqrtOp,
  matmulOp,
  gemmOp,
  sumOfSquaresOp,
  conv2dOp,
  conv2dGradInputOp,
  conv2dGradWeightOp,
  maxPoolOp,
  maxPoolGradOp,
  maxPoolSelectOp,
  avgPoolOp,
  globalAveragePoolOp,
  channelAffineOp,
  batchNormOp,
  layerNormOp,
  sumOp,
  maxOp,
  softmaxOp,
  logSoftmaxOp,
  reshapeOp,
  transposeOp,
  expandOp,
  concatOp,
  sliceOp,
  placeOp,
  gatherOp,
  scatterAddOp,
  argMaxOp,
  topKOp,
  detachOp,
];
