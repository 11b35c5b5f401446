// Which ops run in blocks, and how. What is not listed runs in canonical layout.

import { conv2dRule } from './conv.ts';
import { gradInputRule } from './conv-grad-input.ts';
import { gradWeightRule } from './conv-grad-weight.ts';
import { elementwiseRule } from './elementwise.ts';
import { concatRule, expandRule, sliceRule } from './movement.ts';
import { batchNormRule, channelAffineRule } from './norm.ts';
import { avgPoolRule, globalAveragePoolRule, maxPoolGradRule, maxPoolRule } from './pool.ts';
import { sumOfSquaresRule, sumRule } from './reduce.ts';
import type { BlockedRule } from './rule.ts';

const elementwise = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'log',
  'greater',
  'less',
  'equal',
  'where',
  'cast',
  'indicator',
  'exp',
  'sqrt',
  'sigmoid',
  'tanh',
  'relu',
  'hardSigmoid',
  'clamp',
  'abs',
  'erf',
  'leakyRelu',
  'elu',
  'detach',
];

export const blockedRules: Readonly<Record<string, BlockedRule>> = {
  ...Object.fromEntries(elementwise.map((name) => [name, elementwiseRule])),
  conv2d: conv2dRule,
  conv2dGradInput: gradInputRule,
  conv2dGradWeight: gradWeightRule,
  maxPool: maxPoolRule,
  maxPoolGrad: maxPoolGradRule,
  avgPool: avgPoolRule,
  globalAveragePool: globalAveragePoolRule,
  channelAffine: channelAffineRule,
  batchNorm: batchNormRule,
  concat: concatRule,
  slice: sliceRule,
  expand: expandRule,
  sum: sumRule,
  sumOfSquares: sumOfSquaresRule,
};
