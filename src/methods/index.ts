// `fieldmark/methods`: what a method is, and what methods are made of.

export * from './backbone-evidence.ts';
export * from './backbone-pass.ts';
export * from './finetune.ts';
export * from './heat.ts';
export * from './method.ts';
export * from './settings.ts';
export * from './stage.ts';
export * from './stage-settings.ts';
export * from './table.ts';
