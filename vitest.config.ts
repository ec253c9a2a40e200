import { defineConfig } from 'vitest/config';

// `source` makes workspace packages resolve to their TypeScript, so that tests need no build.
const conditions = ['source', 'node', 'import', 'default'];

// Tests that run the built program beside real players: one file after the other, and never beside unit tests.
const ofProcesses = {
  fileParallelism: false,
  globalSetup: ['test/support/global-setup.ts'],
  setupFiles: ['test/support/setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

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
          ...ofProcesses,
          name: 'system',
          include: ['test/{integration,e2e,browser,chaos,helm}/**/*.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...ofProcesses,
          name: 'abuse',
          include: ['test/abuse/**/*.test.ts'],
          sequence: { groupOrder: 2 },
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
          sequence: { groupOrder: 3 },
          // As the least of everything that runs, it may take long.
          testTimeout: 900_000,
        },
      },
    ],
  },
});
