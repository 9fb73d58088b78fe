import { defineConfig } from 'vitest/config';

// A run that is counted by a script asks for a report beside what people read.
const report = process.env.VARVE_TEST_REPORT;

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export.
export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**', 'data/**', 'ui/**', 'loadtest/**'],
    // Processes, not threads: tests kill servers, fill disks and measure memory.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
