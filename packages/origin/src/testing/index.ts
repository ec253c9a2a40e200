export * from './test-publisher.ts';
export * from './loop-relay.ts';
export * from './origin-rig.ts';
export * from './test-puller.ts';
