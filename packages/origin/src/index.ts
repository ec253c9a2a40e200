export * from './claim-patience.ts';
export type { RegistryStanding } from './late-claims.ts';
export * from './origin.ts';
export * from './origin-stream.ts';
export * from './publish-attempt.ts';
export * from './publish-conflict.ts';
export * from './publish-session.ts';
export * from './relay-feed.ts';
export { PullIngest, type PullIngestOptions } from './ingest/pull-ingest.ts';
