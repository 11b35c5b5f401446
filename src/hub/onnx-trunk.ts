// A network in an ONNX file from anywhere as a frozen backbone: its input, its features, its map.

import { basename } from 'node:path';
import { fail } from '../core/errors.ts';
import { type Shape, showShape, sizeOf } from '../core/shape.ts';
import { type ForeignGraph, foreignGraph, partFor } from '../graph/onnx/foreign.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import {
  foreignBackbone,
  type Reading,
  readingOf,
  type TokenChoice,
} from '../nn/backbones/foreign.ts';
import type { PixelScale } from '../nn/image-input.ts';
import type { InputOptions } from './input-options.ts';
import { readOnnxFile } from './onnx-file.ts';
import { chooseTensors, type TrunkTensors } from './trunk-feature.ts';
import { type TrunkInput, UINT8 } from './trunk-input.ts';
import { describeTrunk, type TrunkDescription, type TrunkOptions } from './trunk-options.ts';
import { type ProbeOptions, runsInBatches, shapesOfTensors } from './trunk-probe.ts';
import { torchvisionDescription } from './weights-description.ts';

/** A frozen network with what its images have to be like. */
export interface Trunk {
  readonly path: string;
  /** SHA-256 of the file and of the numbers beside it, hex. */
  readonly hash: string;
  readonly backbone: Backbone;
  readonly pixels: PixelScale;
  readonly description: Pick<TrunkDescription, 'licence' | 'source'>;
  /** What was found out or assumed, for the run's log. */
  readonly notes: readonly string[];
}

/** Size where neither the graph nor its metadata says one. */
const DEFAULT_SIZE = 224;

/** A file that has been read, before it runs. */
interface Draft {
  readonly path: string;
  readonly hash: string;
  readonly graph: ForeignGraph;
  readonly description: TrunkDescription;
  readonly tensors: TrunkTensors;
}

async function readTrunk(path: string, options: TrunkOptions): Promise<Draft> {
  const { model, hash } = await readOnnxFile(path);
  const graph = foreignGraph(model, path);
  const description = describeTrunk(model, path);
  return { path, hash, graph, description, tensors: chooseTensors(graph, options, path) };
}

/** Side of the images that a file wants, in pixels; 224 where it says nothing. */
export async function trunkSize(path: string, options: TrunkOptions = {}): Promise<number> {
  const { description, tensors } = await readTrunk(path, options);
  return tensors.input.size ?? description.size ?? DEFAULT_SIZE;
}

/**
 * Opens a file as a backbone for images of `size` pixels, and runs it once or twice to see what its
 * tensors are. FM_FORMAT for a file that is damaged, FM_TRUNK for a model that does not serve,
 * FM_CONFIG for options that do not fit it.
 */
export async function openTrunk(
  path: string,
  size: number,
  options: TrunkOptions & Pick<InputOptions, 'mean' | 'std'> = {},
): Promise<Trunk> {
  const draft = await readTrunk(path, options);
  const { graph, hash, description, tensors } = draft;
  const { input } = tensors;
  mustHaveSize(input, size);
  const notes: string[] = [];
  const pixels = pixelsOf(draft, options, notes);
  const probe: ProbeOptions = { graph, input, size, pixels, path };
  const { feature, map } = await findReadings(probe, tensors, options);
  const token = options.token ?? usualToken(feature);
  const outputs = map === undefined ? [feature] : [feature, map];
  const single = !(await runsInBatches(
    probe,
    outputs.map(({ name }) => name),
  ));
  notes.push(...describeChoice(draft, { feature, map, token, single }));
  const backbone = foreignBackbone({
    embedding: { graph, input, size, outputs: outputs.map(inner), single },
    feature: feature.reading,
    token,
    map: map?.reading,
    name: `onnx:${basename(path)}`,
    millionParameters:
      countNumbers(
        graph,
        outputs.map(({ name }) => name),
      ) / 1e6,
  });
  return { path, hash, backbone, pixels, description, notes };
}

function mustHaveSize({ name, size: own }: TrunkInput, size: number): void {
  if (own === undefined || own === size) return;
  throw fail('FM_CONFIG', 'size', {
    expected: `${own}, the size of the model's input '${name}'`,
    got: String(size),
    next: 'Leave --size out, or export the model with free height and width.',
  });
}

/** How pixels become numbers: as a person says, as the file says, or as ImageNet's networks want. */
function pixelsOf(
  { tensors, description, path }: Draft,
  { mean, std }: InputOptions,
  notes: string[],
) {
  if ((mean === undefined) !== (std === undefined)) {
    throw fail('FM_CONFIG', 'input', {
      expected: 'mean and std together, or neither',
      got: `only ${mean === undefined ? 'std' : 'mean'}`,
      next: 'Give both --mean and --std.',
    });
  }
  if (tensors.input.type === UINT8) {
    if (mean !== undefined) {
      throw fail('FM_CONFIG', 'input.mean', {
        expected: `none for a model that takes bytes ('${tensors.input.name}')`,
        got: mean.join(', '),
        next: 'Leave --mean and --std out: it scales its pixels itself.',
      });
    }
    return RAW;
  }
  if (mean !== undefined && std !== undefined) return { mean, std };
  const { mean: m, std: s } = description;
  if (m !== undefined && s !== undefined) return { mean: m, std: s };
  notes.push(
    `${basename(path)} does not say how its pixels are scaled: ImageNet's mean and std are assumed (--mean, --std)`,
  );
  return torchvisionDescription.input;
}

/** Bytes as they are: (v / 255 - 0) / (1 / 255). */
const RAW: PixelScale = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };

interface ReadTensor {
  readonly name: string;
  /** For one image, leading axis included. */
  readonly shape: Shape;
  readonly reading: Reading;
}

/** What the tensors are. The nearest one with places is the map, unless the feature has them. */
async function findReadings(probe: ProbeOptions, tensors: TrunkTensors, options: TrunkOptions) {
  const names = [...new Set([tensors.feature, ...tensors.maps])];
  const shapes = await shapesOfTensors(probe, names);
  const read = names.map((name, i) => {
    const [n, ...rest] = shapes[i];
    const reading = n === 1 ? readingOf(rest, probe.input.layout) : undefined;
    return { name, shape: shapes[i], reading };
  });
  const must = (tensor: (typeof read)[number], expected: string): ReadTensor => {
    const { reading, name, shape } = tensor;
    if (reading !== undefined) return { name, shape, reading };
    throw fail('FM_TRUNK', probe.path, {
      expected,
      got: `'${name}' of shape ${showShape(shape)}`,
      next: 'Name another tensor with --feature or --set trunk.map=NAME.',
    });
  };
  const feature = must(read[0], 'features [1, D], tokens [1, T, D] or a square map');
  if (options.map !== undefined) {
    const named = must(read.find(({ name }) => name === options.map)!, 'a square map or tokens');
    return { feature, map: named === feature ? undefined : named };
  }
  const found = hasPlaces(feature.reading)
    ? undefined
    : read.slice(1).find(({ reading }) => hasPlaces(reading));
  return { feature, map: found && must(found, 'a map') };
}

function hasPlaces(reading: Reading | undefined): boolean {
  if (reading === undefined || reading.kind === 'vector') return false;
  return reading.kind !== 'tokens' || reading.grid > 0;
}

/** Vision transformers keep a class token in front; where all tokens are patches there is none. */
function usualToken({ reading, shape }: ReadTensor): TokenChoice {
  return reading.kind === 'tokens' && shape[1] === reading.grid ** 2 ? 'mean' : 'first';
}

function inner({ name, shape }: ReadTensor) {
  return { name, shape: shape.slice(1) };
}

interface Choice {
  readonly feature: ReadTensor;
  readonly map: ReadTensor | undefined;
  readonly token: TokenChoice;
  readonly single: boolean;
}

function describeChoice(
  { path, tensors }: Draft,
  { feature, map, token, single }: Choice,
): string[] {
  const how =
    feature.reading.kind === 'tokens'
      ? `, ${token === 'first' ? 'its first token' : 'the mean of its tokens'}`
      : '';
  const places = map ?? (hasPlaces(feature.reading) ? feature : undefined);
  const notes = [
    `${basename(path)}: features are '${feature.name}' ${showShape(feature.shape)}${how}`,
  ];
  if (tensors.beforeLinear !== undefined) {
    notes.push(
      `'${feature.name}' comes from a last linear layer, perhaps a classifier; --feature ${tensors.beforeLinear} takes what is before it`,
    );
  }
  if (places === undefined) {
    notes.push(
      'no map was found: the evidence will say nothing about places (--set trunk.map=NAME)',
    );
  } else notes.push(`evidence is drawn from '${places.name}' ${showShape(places.shape)}`);
  if (single) notes.push('the graph takes one image at a time, and so will the exported model');
  return notes;
}

function countNumbers(graph: ForeignGraph, names: readonly string[]): number {
  const { initializers } = partFor(graph, names);
  return initializers.reduce((sum, { dims }) => sum + sizeOf(dims.map(Number)), 0);
}
