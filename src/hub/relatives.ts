// Networks that are not ours, known by their tensors, so that a message can say what a file holds.

import type { HostTensor } from '../core/tensor.ts';

type Tensors = ReadonlyMap<string, HostTensor>;

/** Names that only one kind of network has, the most particular first. */
const kinds: readonly (readonly [what: string, sign: RegExp])[] = [
  ['a ResNet of Detectron2, which has other strides and colours', /(^|\.)res2\.0\.conv1\.norm\./],
  ['a Swin transformer', /relative_position_bias_table$/],
  [
    'a vision transformer',
    /(^|\.)(cls_token|class_embedding)$|attn\.qkv\.weight$|self_attention\./,
  ],
  ['a ConvNeXt', /(stages\.\d+\.blocks\.\d+\.conv_dw|(^|\.)layer_scale$|dwconv\.weight$)/],
  ['an EfficientNet', /(^|\.)_conv_stem\.weight$|_blocks\.\d+\._/],
  ['an EfficientNet or MobileNetV3', /blocks\.\d+\.\d+\.se\.conv_reduce\.weight$/],
  ['an EfficientNet or MobileNetV3', /features\.\d+(\.\d+)?\.block\.\d+\.fc1\.weight$/],
  ['a RegNet', /(^|\.)(s1\.b1\.conv1|trunk_output\.block1)\./],
  ['an Inception network', /(^|\.)Mixed_[567][a-e]\./],
  ['a detector of the YOLO family', /(^|\.)model\.\d+\.(conv|cv1\.conv|m\.0\.cv1\.conv)\.weight$/],
];

/** A kind of network in words: `a ResNet-18 with a deep stem (timm: resnet18d)`. */
export function relativeOf(tensors: Tensors): string | undefined {
  const names = [...tensors.keys()];
  const kind = kinds.find(([, sign]) => names.some((name) => sign.test(name)));
  return kind?.[0] ?? residualNetwork(tensors);
}

/** Blocks of the four stages by depth, with `b` for bottlenecks. */
const depths: Readonly<Record<string, number>> = {
  '1,1,1,1': 10,
  '2,2,2,2': 18,
  '3,4,6,3': 34,
  '2,2,2,2b': 26,
  '3,4,6,3b': 50,
  '3,4,23,3b': 101,
  '3,8,36,3b': 152,
};

/** ResNets by torchvision's names, and what is special about this one. */
function residualNetwork(tensors: Tensors): string | undefined {
  const first = [...tensors.keys()].find((name) => /(^|\.)layer1\.0\.conv1\.weight$/.test(name));
  if (first === undefined) return undefined;
  const prefix = first.slice(0, -'layer1.0.conv1.weight'.length);
  const shape = (name: string) => tensors.get(prefix + name)?.shape;
  const blocks = [1, 2, 3, 4].map((stage) => {
    let count = 0;
    while (shape(`layer${stage}.${count}.conv1.weight`) !== undefined) count++;
    return count;
  });
  const bottleneck = shape('layer1.0.conv3.weight') !== undefined;
  const depth = depths[`${blocks}${bottleneck ? 'b' : ''}`];
  const name = depth === undefined ? `ResNet of ${blocks.join(', ')} blocks` : `ResNet-${depth}`;
  if (shape('conv1.0.weight') !== undefined) {
    return `a ${name} with a deep stem${depth === undefined ? '' : ` (timm: resnet${depth}d)`}`;
  }
  if (shape('conv3.weight') !== undefined) return `a ${name} with a deep stem`;
  if (shape('conv1.weight')?.length === 5) return `a ${name} for volumes`;
  const [channels, perGroup] = shape('layer1.0.conv2.weight') ?? [];
  if (bottleneck && perGroup < channels) return `a ResNeXt (a ${name} with groups of channels)`;
  if (bottleneck && channels > 64) return `a wide ${name}`;
  const [, colours, kernel] = shape('conv1.weight') ?? [];
  if (colours !== undefined && colours !== 3)
    return `a ${name} for images of ${colours} channel${colours === 1 ? '' : 's'}`;
  if (kernel === 3) return `a ${name} for small images, whose first kernel is 3x3`;
  return depth === undefined ? `a ${name}` : undefined;
}
