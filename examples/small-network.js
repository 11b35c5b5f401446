// @ts-check
// A network of one's own: three convolutions, for photographs of one's own from random weights.
//
//   npx fieldmark train --data PHOTOS --backbone ./examples/small-network.js --weights none --size 64

import { globalAveragePool, relu } from 'fieldmark/graph';
import { convNorm } from 'fieldmark/nn';

/** @type {import('fieldmark/nn').Backbone} */
const smallNetwork = {
  name: 'small_network',
  citation: 'an example of fieldmark',
  headPath: 'fc',
  millionParameters: 0.1,
  dropout: 0,
  features(scope, image, build) {
    const levels = [];
    let x = image;
    for (const [i, channels] of [32, 64, 128].entries()) {
      const name = `conv${i + 1}`;
      const layer = {
        channels,
        kernel: 3,
        stride: 2,
        names: /** @type {const} */ ([name, `${name}_bn`]),
      };
      x = relu(convNorm(scope, x, layer, build));
      levels.push({ name, value: x, stride: 2 ** (i + 1) });
    }
    return { levels, map: x, pooled: globalAveragePool(x) };
  },
};

export default smallNetwork;
