// Every network of the table on eight real images. Two cores take a quarter of an hour.
import { describe } from 'vitest';
import { backbones } from '../../src/nn/backbones/table.ts';
import { describeVariants } from '../support/variant.ts';

const full = process.env.FIELDMARK_FULL !== undefined;
if (!full) console.info('test/full/variants: skipped, FIELDMARK_FULL is not set');

describe.skipIf(!full)('every network', () => describeVariants(backbones));
