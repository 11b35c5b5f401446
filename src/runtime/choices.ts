// What a user may ask for: where training runs, and how its graphs are written.

/** `auto` is the blocked lowering where it runs, else the portable one. */
export const loweringChoices = ['auto', 'portable', 'blocked'] as const;
export type LoweringChoice = (typeof loweringChoices)[number];

/** `auto` is WebGPU where it is faster than the CPU, else the CPU. */
export const deviceChoices = ['auto', 'cpu', 'webgpu'] as const;
export type DeviceChoice = (typeof deviceChoices)[number];
