export * from './chunk-stream-encoder.ts';
export * from './digest-handshake-client.ts';
export * from './split-reads.ts';
