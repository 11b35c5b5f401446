// Three small networks on real images; all of them are in test/full/variants.test.ts.
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { describeVariants } from '../support/variant.ts';

describeVariants(['mobilenet_v2_035', 'googlenet', 'alexnet'].map(findBackbone));
