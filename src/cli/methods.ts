// fieldmark methods

import { Command } from 'commander';
import { print, printJson, table } from './output.ts';

export function methodsCommand(): Command {
  return new Command('methods')
    .description('list the ways to train a recogniser')
    .option('--json', 'end with one line of JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { methods } = await import('../methods/table.ts');
      const rows = methods.map((m) => [m.name, m.needs.join(', '), m.about, m.citation]);
      print(table([['name', 'needs', 'what it does', 'papers'], ...rows]));
      if (json) {
        printJson({
          methods: methods.map(({ name, needs, about, citation }) => ({
            name,
            needs,
            about,
            citation,
          })),
        });
      }
    });
}
