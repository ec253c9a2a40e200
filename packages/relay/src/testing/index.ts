export * from './cuttable-proxy.ts';
export * from './raw-puller.ts';
export * from './real-clock.ts';
export * from './recording-handler.ts';
export * from './relay-pair.ts';
export * from './scripted-source.ts';
export * from './test-frames.ts';
