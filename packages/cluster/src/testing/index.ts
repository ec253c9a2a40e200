export * from './registry-conformance.ts';
export * from './registry-harness.ts';
export * from './unreliable-registry.ts';
