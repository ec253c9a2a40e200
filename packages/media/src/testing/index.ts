export * from './tag-bytes.ts';
export * from './test-frames.ts';
export * from './recording-sink.ts';
export * from './memory-under.ts';
