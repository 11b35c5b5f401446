import { expect, test } from 'vitest';
import { csv } from '../../src/formats/csv.ts';

test('quotes what needs it, and takes the sting out of formulas', () => {
  const rows = [
    ['plain', 'a, b', 'say "x"', 'two\nlines'],
    ['=1+1', '@sum', '+4', '-x'],
    [-1, 0.5, true, null, undefined],
    ['＝1+1', '\n=x', 'a;=cmd|calc', 'シマエナガ'],
  ];
  expect(csv(rows)).toBe(
    'plain,"a, b","say ""x""","two\nlines"\r\n' +
      "'=1+1,'@sum,'+4,'-x\r\n" +
      '-1,0.5,true,,\r\n' +
      `'＝1+1,"'\n=x","a;=cmd|calc",シマエナガ\r\n`,
  );
});
