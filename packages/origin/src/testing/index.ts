export * from './test-publisher.ts';
