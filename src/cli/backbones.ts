// fieldmark backbones

import { Command } from 'commander';
import { print, printJson, table } from './output.ts';

export function backbonesCommand(): Command {
  return new Command('backbones')
    .description('list the networks')
    .option('--json', 'end with one line of JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { backbones } = await import('../nn/backbones/table.ts');
      const { describeBackbone } = await import('../nn/backbones/describe.ts');
      const { defaultWeights } = await import('../hub/known-weights.ts');
      const all = backbones.map((backbone) => ({
        name: backbone.name,
        weights: defaultWeights(backbone.name),
        small: describeBackbone(backbone, 224),
        large: describeBackbone(backbone, 448),
        citation: backbone.citation,
      }));
      const head = [
        ...['name', 'parameters', 'GFLOPs', 'map at 224', 'at 448', 'features', 'paper'],
        ...['default weights', 'licence'],
      ];
      const rows = all.map(({ name, small, large, citation, weights }) => [
        name,
        `${(small.parameters / 1e6).toFixed(1)} M`,
        (small.macs / 1e9).toFixed(1),
        small.map.join('x'),
        large.map.join('x'),
        String(small.features),
        citation,
        weights?.name ?? 'none',
        weights?.licence ?? '',
      ]);
      print(table([head, ...rows]));
      if (json) {
        printJson({
          backbones: all.map(({ name, small, large, citation, weights }) => ({
            name,
            parameters: small.parameters,
            gflops: small.macs / 1e9,
            map224: small.map,
            map448: large.map,
            features: small.features,
            citation,
            weights: weights?.name ?? null,
            licence: weights?.licence ?? null,
          })),
        });
      }
    });
}
