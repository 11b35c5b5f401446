// Writes a network as a model file: constant weights, norms folded, the batch left free, as it is
// shipped. A process of its own, so that building does not count as memory of answering.
//
//   write-model.ts NET SIZE FILE

import { writeFile } from 'node:fs/promises';
import { lower } from '../../src/graph/lower.ts';
import { foldConstants } from '../../src/runtime/fold.ts';
import { buildNetwork } from '../support/network.ts';

const [net, size, file] = process.argv.slice(2);
const { logits, store } = buildNetwork(net, 'frozen', { batch: 1, size: Number(size) });
const constants = (path: string) => store.get(path);
const known = await foldConstants([logits], constants);
await writeFile(file, lower({ logits }, { constants, known, freeBatch: 'batch' }).bytes);
