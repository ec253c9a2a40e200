export * from './registry-conformance.ts';
export * from './registry-harness.ts';
export * from './unreliable-registry.ts';
export * from './leader-lease-conformance.ts';
export * from './upstream-reports-conformance.ts';
export * from './failover-conformance.ts';
export * from './discovery-conformance.ts';
export * from './discovery-harness.ts';
