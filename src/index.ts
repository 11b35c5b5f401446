// The public entry for Node.
export { type CompareOptions, compareMethods } from './compare/compare-methods.ts';
export { type Contestant, contestantOf } from './compare/contestant.ts';
export {
  type Compared,
  type ComparisonResult,
  type ContestantResult,
  resultOf,
} from './compare/result.ts';
export { compareRuns, type SideBySideOptions } from './compare/side-by-side.ts';
export { writeComparison } from './compare/write-comparison.ts';
export { type ErrorCode, errorTable, FieldmarkError } from './core/errors.ts';
export type {
  Box,
  Dataset,
  Example,
  HierarchyLevel,
  PartPoint,
  Split,
  Supervision,
} from './core/example.ts';
export type { RawImage } from './core/raw-image.ts';
export type { AviaryOptions } from './data/aviary/options.ts';
export { writeAviary } from './data/aviary/write-aviary.ts';
export { type OpenDatasetOptions, openDataset } from './data/datasets/table.ts';
export { decodeImage, encodeJpeg, encodePng } from './data/image/decode.ts';
export { type FaultKind, ImageError, type ImageFault } from './data/image/fault.ts';
export type { ImageFile, Photograph } from './data/image/photograph.ts';
export { type EvaluateOptions, type EvaluationRun, evaluateModel } from './evaluate/evaluate.ts';
export type { Evaluation } from './evaluate/summary.ts';
export {
  type Describer,
  type FrozenNetwork,
  frozenDescriber,
  runDescriber,
} from './recognise/describer.ts';
export { type Explanation, explainPhoto } from './recognise/explain.ts';
export { explainVersus, type VersusExplanation } from './recognise/explain-versus.ts';
export { type LoadOptions, loadRecogniser } from './recognise/load-recogniser.ts';
export type { Manifest } from './recognise/manifest.ts';
export {
  type BuildOptions,
  buildPhotoIndex,
  type SearchOptions,
  searchPhotos,
} from './recognise/photo-index.ts';
export {
  type Answer,
  type Evidence,
  type LevelAnswer,
  type Prediction,
  type PredictOptions,
  Recogniser,
} from './recognise/recogniser.ts';
export { ExactStore } from './search/exact-store.ts';
export type { Neighbour, StoredItem, VectorStore } from './search/vector-store.ts';
export type { RunConfig, RunConfigInput, StageOverrides } from './train/config.ts';
export type { TrainEvent, TrainSummary } from './train/events.ts';
export { TrainingStopped, type TrainOptions, train } from './train/train.ts';
