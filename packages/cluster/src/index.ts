export * from './node-record.ts';
export * from './stream-record.ts';
export * from './stream-registry.ts';
export { isSameRun, outranks, type OwnershipTitle } from './ownership.ts';
export { EpochMemory } from './epoch-memory.ts';
export * from './failover-registry.ts';
export * from './memory-stream-registry.ts';
export type { MemoryStreamRegistryOptions, SavedRegistry } from './memory-registry-parts.ts';
export * from './node-heart.ts';
export * from './leader-lease.ts';
export * from './leader-lease-memory.ts';
export * from './job-registry.ts';
export * from './job-follower.ts';
export * from './upstream-reports.ts';
export * from './upstream-reports-memory.ts';
export * from './upstream-reporter.ts';
export * from './redis/redis-server.ts';
export { RedisStreamRegistry, type RedisStreamRegistryOptions } from './redis/redis-stream-registry.ts';
export { defaultGuardedCallLimits, type GuardedCallLimits } from './redis/guarded-calls.ts';
export type { BreakerState } from './redis/circuit-breaker.ts';
export type { DiscoveryEvent, NodeDiscovery } from './discovery/node-discovery.ts';
export * from './discovery/registry-discovery.ts';
export {
  ConsulDiscovery,
  type ConsulDiscoveryLimits,
  type ConsulDiscoveryOptions,
} from './consul/consul-discovery.ts';
export type { ConsulTls } from './consul/consul-client.ts';
export type { AnnouncedNode } from './consul/consul-announcer.ts';
export { RegistryMirror, type RegistryListing } from './redis/registry-mirror.ts';
