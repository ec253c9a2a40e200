export * from './access-policy.ts';
export * from './clock.ts';
export * from './close-reason.ts';
export * from './errors.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './stream-key.ts';
