export * from './node-record.ts';
export * from './stream-record.ts';
export * from './stream-registry.ts';
export { outranks, type OwnershipTitle } from './ownership.ts';
export * from './memory-stream-registry.ts';
export * from './node-heart.ts';
