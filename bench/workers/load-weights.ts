// Loads a weights file into a backbone once, as a run does, and prints {"ms", "megabytes"}: the time,
// and by how much the process's peak memory grew.
//
//   load-weights.ts NET FILE

import { input } from '../../src/graph/ops/leaf.ts';
import { fillFromWeights } from '../../src/hub/fill.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { Parameters } from '../../src/nn/scope.ts';
import { peakMegabytes } from '../support/serve.ts';

const [net, file] = process.argv.slice(2);
const parameters = new Parameters();
const build = { norms: 'frozen', padding: 'torch' } as const;
const scope = parameters.root().child('backbone');
const backbone = findBackbone(net);
backbone.features(scope, input('image', [1, 3, 224, 224]), build);
const before = peakMegabytes();
const began = performance.now();
fillFromWeights(parameters, new Map(), await loadWeights(file), { backbone, classes: [] });
const ms = performance.now() - began;
console.log(JSON.stringify({ ms, megabytes: peakMegabytes() - before }));
