// Weights that are published for our backbones. The first of a backbone is its default. All are of
// ImageNet-1k. Sources: torchvision 0.29's weight enums, timm 1.0.31's default configurations.

import type { ResolvedWeights } from './resolved-weights.ts';
import type { WeightsDescription } from './weights-description.ts';

/** Published weights of a backbone. */
export interface KnownWeights {
  readonly backbone: string;
  /** As `--weights` takes it. */
  readonly name: string;
  /** SPDX, as the publisher says it; it does not cover the images that they were trained on. */
  readonly licence: string;
  readonly input: WeightsDescription['input'];
  readonly padding: WeightsDescription['padding'];
  readonly norms: WeightsDescription['norms'];
  /** Who published them, under which name. */
  readonly source: string;
}

const imagenet = {
  input: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], size: 224 },
  padding: 'torch',
  norms: 'train',
} as const;

/** `file`: at torchvision's address; its name ends in the first digits of its SHA-256. */
function torchvision(backbone: string, file: string, version: 1 | 2 = 1): KnownWeights {
  return {
    backbone,
    name: `https://download.pytorch.org/models/${file}`,
    licence: 'BSD-3-Clause',
    ...imagenet,
    source: `torchvision IMAGENET1K_V${version}`,
  };
}

/** `name`: that of the repository and of the weights in timm. */
function timm(backbone: string, name: string, licence = 'Apache-2.0'): KnownWeights {
  return { backbone, name: `hf:timm/${name}`, licence, ...imagenet, source: `timm ${name}` };
}

/** All that are known, the default of a backbone before its others. */
export const knownWeights: readonly KnownWeights[] = [
  torchvision('alexnet', 'alexnet-owt-7be5be79.pth'),
  torchvision('vgg11', 'vgg11-8a719046.pth'),
  torchvision('vgg11_bn', 'vgg11_bn-6002323d.pth'),
  torchvision('vgg13', 'vgg13-19584684.pth'),
  torchvision('vgg13_bn', 'vgg13_bn-abd245e5.pth'),
  torchvision('vgg16', 'vgg16-397923af.pth'),
  torchvision('vgg16_bn', 'vgg16_bn-6c64b313.pth'),
  torchvision('vgg19', 'vgg19-dcbb9e9d.pth'),
  torchvision('vgg19_bn', 'vgg19_bn-c79401a0.pth'),
  {
    ...torchvision('googlenet', 'googlenet-1378be20.pth'),
    // torchvision's network transforms its input (transform_input), so this is what it sees
    input: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], size: 224 },
  },
  torchvision('resnet18', 'resnet18-f37072fd.pth'),
  timm('resnet18', 'resnet18.tv_in1k', 'BSD-3-Clause'),
  timm('resnet18', 'resnet18.a1_in1k'),
  torchvision('resnet34', 'resnet34-b627a593.pth'),
  timm('resnet34', 'resnet34.tv_in1k', 'BSD-3-Clause'),
  timm('resnet34', 'resnet34.a1_in1k'),
  torchvision('resnet50', 'resnet50-0676ba61.pth'),
  torchvision('resnet50', 'resnet50-11ad3fa6.pth', 2),
  timm('resnet50', 'resnet50.tv_in1k', 'BSD-3-Clause'),
  timm('resnet50', 'resnet50.a1_in1k'),
  torchvision('resnet101', 'resnet101-63fe2227.pth'),
  torchvision('resnet101', 'resnet101-cd907fc2.pth', 2),
  timm('resnet101', 'resnet101.tv_in1k', 'BSD-3-Clause'),
  torchvision('resnet152', 'resnet152-394f9c45.pth'),
  torchvision('resnet152', 'resnet152-f82ba261.pth', 2),
  timm('resnet152', 'resnet152.tv_in1k', 'BSD-3-Clause'),
  // timm's, because torchvision's files have the names of an older torchvision
  timm('densenet121', 'densenet121.tv_in1k'),
  torchvision('densenet121', 'densenet121-a639ec97.pth'),
  timm('densenet121', 'densenet121.ra_in1k'),
  timm('densenet161', 'densenet161.tv_in1k'),
  torchvision('densenet161', 'densenet161-8d451a50.pth'),
  timm('densenet169', 'densenet169.tv_in1k'),
  torchvision('densenet169', 'densenet169-b2777c0a.pth'),
  timm('densenet201', 'densenet201.tv_in1k'),
  torchvision('densenet201', 'densenet201-c1103571.pth'),
  timm('seresnet50', 'seresnet50.ra2_in1k'),
  timm('seresnet50', 'seresnet50.a1_in1k'),
  {
    backbone: 'senet154',
    name: 'https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/legacy_senet154-e9eb9fe6.pth',
    licence: 'Apache-2.0',
    ...imagenet,
    source: 'timm legacy_senet154.in1k',
  },
  torchvision('mobilenet_v2', 'mobilenet_v2-b0353104.pth'),
  torchvision('mobilenet_v2', 'mobilenet_v2-7ebf99e0.pth', 2),
  timm('mobilenet_v2', 'mobilenetv2_100.ra_in1k'),
  timm('mobilenet_v2_050', 'mobilenetv2_050.lamb_in1k'),
  timm('mobilenet_v2_140', 'mobilenetv2_140.ra_in1k'),
];

/** The weights that a backbone starts from when none are named; undefined where none are known. */
export function defaultWeights(backbone: string): KnownWeights | undefined {
  return knownWeights.find((weights) => weights.backbone === backbone);
}

/** What is known about weights of this name. */
export function findKnownWeights(name: string): KnownWeights | undefined {
  return knownWeights.find((weights) => weights.name === name);
}

/** What the table says of a file that was found: `source` is its exact name. */
export function describeKnown(
  known: KnownWeights | undefined,
  source: string,
): Pick<ResolvedWeights, 'description' | 'describedBy'> {
  if (known === undefined) return { description: { source } };
  const { backbone, licence, input, padding, norms } = known;
  return {
    description: { backbone, licence, input, padding, norms, source },
    describedBy: `the table of known weights (${known.source})`,
  };
}

/** timm's names of the architectures that have other names here. */
const timmNames: Readonly<Record<string, string>> = {
  mobilenet_v2: 'mobilenetv2_100',
  mobilenet_v2_035: 'mobilenetv2_035',
  mobilenet_v2_050: 'mobilenetv2_050',
  mobilenet_v2_075: 'mobilenetv2_075',
  mobilenet_v2_140: 'mobilenetv2_140',
  senet154: 'legacy_senet154',
};

/** Whether timm's network of that name is this backbone, in the order of its layers and strides. */
export function isArchitecture(architecture: string, backbone: string): boolean {
  return architecture === backbone || architecture === timmNames[backbone];
}
