// `fieldmark/nn`: parameters and their scopes, layers, losses, and the networks.

export * from './attention-proposal.ts';
export * from './backbones/backbone.ts';
export { backbones, findBackbone } from './backbones/table.ts';
export * from './bilinear-pooling.ts';
export * from './class-relations.ts';
export * from './compact-bilinear.ts';
export * from './image-input.ts';
export * from './initialisers.ts';
export * from './layers.ts';
export * from './losses.ts';
export * from './object-map.ts';
export * from './object-square.ts';
export * from './optimisers.ts';
export * from './pairwise.ts';
export * from './pooling.ts';
export * from './rank-loss.ts';
export * from './receptive-field.ts';
export * from './scda.ts';
export * from './schedules.ts';
export * from './scope.ts';
export * from './smooth-l1.ts';
export * from './triplet-loss.ts';
export * from './zoom.ts';
