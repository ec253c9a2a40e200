import { defineConfig } from 'vitest/config';

// `source` makes workspace packages resolve to their TypeScript, so that tests need no build.
const conditions = ['source', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    allowOnly: false,
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/{integration,e2e,abuse,browser,chaos,helm}/**/*.test.ts'],
          // These run the built program beside real players: one file after the other, and never beside unit tests.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: ['test/support/setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          // Nothing but computation: one process for each of two cores, with room for what is thrown away at once.
          maxWorkers: 2,
          execArgv: ['--max-semi-space-size=64'],
          sequence: { groupOrder: 2 },
          // As the least of everything that runs, it may take long.
          testTimeout: 900_000,
        },
      },
    ],
  },
});
