// fieldmark methods

import { Command } from 'commander';
import { methods } from '../methods/table.ts';
import { print, printJson, table } from './output.ts';

export function methodsCommand(): Command {
  return new Command('methods')
    .description('list the ways to train a recogniser')
    .option('--json', 'end with one line of JSON')
    .action(({ json }: { json?: boolean }) => {
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
