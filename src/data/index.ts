// `fieldmark/data`: what a dataset is and how one is read; fields and samplers of batches.

export * from '../core/example.ts';
export * from '../core/fields.ts';
export { type RandomStream, randomStream } from '../core/random.ts';
export * from '../core/sampler.ts';
export type { View } from '../core/view.ts';
export {
  type DatasetLoader,
  type DatasetOptions,
  hierarchyLevel,
  supervisionOf,
} from './datasets/loader.ts';
export { datasetLoaders, type OpenDatasetOptions, openDataset } from './datasets/table.ts';
export { findSampler, samplers } from './samplers/table.ts';
