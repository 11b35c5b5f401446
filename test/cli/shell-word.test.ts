// Commands that are printed arrive at the shell as they were meant.

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commandLine, shellWord } from '../../src/cli/shell-word.ts';

test.each([
  'runs/mine',
  'my runs/ü 鳥',
  'it\'s $HOME `ls` \\ "x"',
  '*',
  '~',
  'a;b&c|d',
  '',
  'two\nlines',
])('%j comes back from a shell', (word) => {
  const line = `printf %s ${shellWord(word)}`;
  expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' })).toBe(word);
});

test('a command line names the program as it is installed', () => {
  expect(commandLine('evaluate', 'my runs/1')).toBe("npx fieldmark evaluate 'my runs/1'");
});
