import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { FIELDMARK_FLAGS: '1' }, // messages as the command line shows them
    setupFiles: ['test/support/matchers.ts'],
  },
});
