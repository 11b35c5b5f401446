// Seconds to load a network's weights (VGG-16: 553 MB), hashed and checked, from each kind of file that
// PyTorch writes, and the peak memory beyond the file's size. Every load is a process of its own.
//
//   npx tsx bench/load-weights.ts [backbone] [rounds]

import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { findBackbone } from '../src/nn/backbones/table.ts';
import { runPeer } from './peers/run-peer.ts';
import { randomImages } from './support/network.ts';
import { median } from './support/statistics.ts';

const [net = 'vgg16', rounds = '5'] = process.argv.slice(2);
const worker = join(import.meta.dirname, 'workers/load-weights.ts');

async function load(file: string): Promise<{ ms: number; megabytes: number }> {
  const args = ['--import', 'tsx', worker, net, file];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

const folder = await mkdtemp(join(tmpdir(), 'fieldmark-load-'));
try {
  const image = join(folder, 'image.safetensors');
  await writeSafetensors(image, new Map([['image', randomImages(1, 64)]]));
  const { headPath } = findBackbone(net);
  await runPeer('state_dicts', [
    '--net',
    net,
    '--head',
    headPath,
    '--image',
    image,
    '--out',
    folder,
  ]);
  for (const name of ['weights.safetensors', 'weights.pth', 'old.pth']) {
    const file = join(folder, name);
    const megabytes = (await stat(file)).size / 1e6;
    const loads = [];
    for (let i = 0; i < Number(rounds); i++) loads.push(await load(file));
    console.log(
      JSON.stringify({
        net,
        name,
        megabytes: Math.round(megabytes),
        seconds: Number((median(loads.map(({ ms }) => ms)) / 1000).toFixed(2)),
        beyond: Math.round(median(loads.map((l) => l.megabytes)) - megabytes),
      }),
    );
  }
} finally {
  await rm(folder, { recursive: true });
}
