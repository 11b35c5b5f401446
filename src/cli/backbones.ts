// fieldmark backbones

import { Command } from 'commander';
import { print, printJson, table } from './output.ts';

export function backbonesCommand(): Command {
  return new Command('backbones')
    .description('list the networks')
    .option('--json', 'end with one line of JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { backbones } = await import('../nn/backbones/table.ts');
      const rows = backbones.map((b) => [
        b.name,
        `${b.millionParameters} M`,
        String(b.channels),
        b.citation,
      ]);
      print(table([['name', 'parameters', 'features', 'paper'], ...rows]));
      if (json) {
        printJson({
          backbones: backbones.map(({ name, channels, millionParameters, citation }) => ({
            name,
            channels,
            millionParameters,
            citation,
          })),
        });
      }
    });
}
