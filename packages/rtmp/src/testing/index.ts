export * from './chunk-reading.ts';
export * from './chunk-samples.ts';
export * from './chunk-stream-encoder.ts';
export * from './digest-handshake-client.ts';
export * from './split-reads.ts';
export * from './client-bytes.ts';
export * from './recording-delegate.ts';
export * from './server-harness.ts';
