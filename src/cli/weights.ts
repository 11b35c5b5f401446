// fieldmark weights

import { stat } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { fail } from '../core/errors.ts';
import { sizeOf } from '../core/shape.ts';
import { targets } from '../hub/convert.ts';
import type { LoadedWeights } from '../hub/weights.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import { interruptible } from './options.ts';
import { note, print, printJson, showProgress } from './output.ts';

export function weightsCommand(): Command {
  return new Command('weights')
    .description('fetch weights, look at them, and convert them')
    .addCommand(fetchCommand())
    .addCommand(showCommand())
    .addCommand(convertCommand());
}

interface Flags {
  backbone?: string;
  to?: (typeof targets)[number];
  json?: boolean;
}

function fetchCommand(): Command {
  return new Command('fetch')
    .description('fetch weights into the cache, for machines or times without a network')
    .argument('<name>', 'hf:<owner>/<repository>, an https address, or the name of a backbone')
    .option('--json', 'end with one line of JSON')
    .action(async (name: string, { json }: Flags) => {
      const { defaultWeights } = await import('../hub/known-weights.ts');
      const { resolveWeights } = await import('../hub/resolve-weights.ts');
      const found = await resolveWeights(defaultWeights(name)?.name ?? name, {
        note,
        progress: showProgress,
        signal: interruptible('stopping; the same command goes on where this one stopped'),
      });
      if (found === undefined) {
        throw fail('FM_USAGE', 'weights fetch', {
          expected: 'a name that leads to a file',
          got: `'${name}'`,
          next: "'fieldmark backbones' lists the weights that are known.",
        });
      }
      print(`${found.name}\n${found.path}`);
      if (json) printJson(found);
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('say what a weights file holds, and what it expects of images')
    .argument(
      '<from>',
      'a file (safetensors, .pth, .onnx), a name, or the folder of a finished run',
    )
    .option('--json', 'end with one line of JSON')
    .action(async (from: string, { json }: Flags) => {
      const weights = await open(from);
      const { tensors, description, describedBy, hash } = weights;
      const numbers = [...tensors.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
      const { mean, std, size } = description.input;
      print(`${from}: ${tensors.size} tensors, ${(numbers / 1e6).toFixed(1)} million numbers`);
      print(`described by ${describedBy}:`);
      print(`  backbone  ${description.backbone ?? (await looksLike(weights))}`);
      print(`  input     mean ${mean.join(', ')}; std ${std.join(', ')}; ${size} pixels`);
      print(`  padding   ${description.padding}; norms ${description.norms}`);
      print(`  classes   ${description.classes?.length ?? 'not said'}`);
      print(`  licence   ${description.licence ?? 'not said'}`);
      print(`  source    ${description.source ?? 'not said'}`);
      print(`  SHA-256   ${hash}`);
      if (json) {
        printJson({
          hash,
          description,
          describedBy,
          tensors: Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape])),
        });
      }
    });
}

function convertCommand(): Command {
  return new Command('convert')
    .description('write weights as safetensors, in the names of another library')
    .argument(
      '<from>',
      'a file (safetensors, .pth, .onnx), a name, or the folder of a finished run',
    )
    .argument('<to>', 'the safetensors file to write')
    .addOption(
      new Option('--to <names>', 'whose names to write')
        .choices([...targets])
        .default('torchvision'),
    )
    .option('--backbone <name>', 'the network, where neither the file nor its tensors say it')
    .option('--json', 'end with one line of JSON')
    .action(async (from: string, out: string, { to, backbone: name, json }: Flags) => {
      const { convertNames } = await import('../hub/convert.ts');
      const { findBackbone } = await import('../nn/backbones/table.ts');
      const { writeSafetensors } = await import('../formats/safetensors.ts');
      const weights = await open(from);
      const said = name ?? weights.description.backbone;
      const backbone = said === undefined ? await ownerOf(weights) : findBackbone(said);
      const tensors = convertNames(weights, backbone, to!);
      const described = { ...weights.description, backbone: backbone.name };
      await writeSafetensors(out, tensors, { fieldmark: JSON.stringify(described) });
      print(`${out}: ${tensors.size} tensors of ${backbone.name} by ${to}'s names`);
      if (described.padding === 'same') {
        note(
          "this network pads as TensorFlow does (padding 'same'): in torchvision and timm, which pad" +
            ' on all sides alike, the same weights give other answers',
        );
      }
      if (json) printJson({ out, backbone: backbone.name, names: to, tensors: tensors.size });
    });
}

async function open(from: string): Promise<LoadedWeights> {
  const isFolder = await stat(from).then(
    (about) => about.isDirectory(),
    () => false, // a name, or nothing
  );
  if (isFolder) return await (await import('../train/run-weights.ts')).weightsOfRun(from);
  const { resolveWeights } = await import('../hub/resolve-weights.ts');
  const { loadWeights } = await import('../hub/weights.ts');
  const found = await resolveWeights(from, { note, progress: showProgress });
  const weights = await loadWeights(found?.path ?? from, found);
  if (weights.taken !== undefined) note(weights.taken);
  return weights;
}

/** Of weights that do not say their network. */
async function looksLike(weights: LoadedWeights): Promise<string> {
  const { identify } = await import('../hub/misfit.ts');
  const { relativeOf } = await import('../hub/relatives.ts');
  const owner = identify(weights)?.name ?? relativeOf(weights.tensors);
  return owner === undefined ? 'not said' : `not said; the tensors are those of ${owner}`;
}

/** The network that the tensors are of. */
async function ownerOf(weights: LoadedWeights): Promise<Backbone> {
  const { identify } = await import('../hub/misfit.ts');
  const { relativeOf } = await import('../hub/relatives.ts');
  const owner = identify(weights);
  if (owner !== undefined) return owner;
  throw fail('FM_WEIGHTS', weights.path, {
    expected: "tensors of a network that 'fieldmark backbones' lists",
    got: `those of ${relativeOf(weights.tensors) ?? 'another one'}`,
    next: 'Their names cannot be converted: take other weights.',
  });
}
