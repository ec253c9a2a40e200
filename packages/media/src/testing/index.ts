export * from './manual-clock.ts';
export * from './test-frames.ts';
