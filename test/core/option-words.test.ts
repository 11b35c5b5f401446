// Flags for whoever sits at a command line, names of options for whoever calls a function.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fail } from '../../src/core/errors.ts';
import { forReader, speakOfFlags, withoutFlags } from '../../src/core/option-words.ts';

afterEach(() => vi.unstubAllEnvs());

test.each([
  [
    "Use '--device cpu' where this machine has no GPU.",
    "Use device 'cpu' where this machine has no GPU.",
  ],
  ['--device webgpu: expected a GPU', "device 'webgpu': expected a GPU"],
  ['Choose another --split, or add the images.', "Choose another 'split', or add the images."],
  ['Give both --mean and --std.', "Give both 'input.mean' and 'input.std'."],
  ['Leave --size out, or', "Leave 'size' out, or"],
  ['a smaller --size or --backbone, or', "a smaller 'size' or 'backbone', or"],
  ['no file, and --offline', "no file, and 'offline'"],
  [
    'Pass --resume to continue it, --overwrite to replace it, or another --out.',
    "Pass mode 'resume' to continue it, mode 'overwrite' to replace it, or another 'out'.",
  ],
  ['(--set stages.all.accumulate=2)', '(stage.all.accumulate=2)'],
  ['with --feature or --set trunk.map=NAME.', "with 'trunk.feature' or trunk.map=NAME."],
  ['in files and in --set', 'in files and in the configuration'],
  ['use the file as it is: --backbone onnx:FILE.', "use the file as it is: backbone 'onnx:FILE'."],
  ['--weights hf:timm/resnet50.a1_in1k starts it', "weights 'hf:timm/resnet50.a1_in1k' starts it"],
  [
    'Take --method compact-bilinear, or a --backbone with fewer channels.',
    "Take method 'compact-bilinear', or a 'backbone' with fewer channels.",
  ],
  ['Put the data, --folds and --fold-seed back', "Put the data, 'folds' and 'foldSeed' back"],
  ["that '--split val' has", "that split 'val' has"],
  ["Run 'fieldmark backbones' for the list.", "Run 'fieldmark backbones' for the list."],
  [
    'Build the index again with --build and --overwrite.',
    'Build the index again with buildPhotoIndex().',
  ],
  ['a well-kept --- line, 3--4', 'a well-kept --- line, 3--4'],
])('%s', (flags, options) => {
  expect(withoutFlags(flags)).toBe(options);
});

test('an error speaks to whoever reads it', () => {
  const message = () =>
    fail('FM_USAGE', 'run', { expected: 'a', got: 'b', next: 'Pass --resume.' }).message;
  vi.stubEnv('FIELDMARK_FLAGS', undefined);
  expect(message()).toBe("run: expected a, got b. Pass mode 'resume'.");
  speakOfFlags();
  expect(message()).toBe('run: expected a, got b. Pass --resume.');
  expect(forReader('--out')).toBe('--out');
});

describe('what the sources say outside of the command line', () => {
  const src = fileURLToPath(new URL('../../src', import.meta.url));
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/^cli\/|generated|report-style|option-words/.test(name),
  );
  const lines = files.flatMap((name) =>
    readFileSync(join(src, name), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line)),
  );

  test('no flag is left, and no command with flags is quoted', () => {
    const named = lines.filter((line) => /['"` (]--[a-z]/.test(line));
    expect(named.length).toBeGreaterThan(30);
    const ofNode = /--expose-gc|'--import'/;
    const left = named
      .map(withoutFlags)
      .filter((line) => /--[a-z]/.test(line) && !ofNode.test(line));
    expect(left).toEqual([]);
  });
});
