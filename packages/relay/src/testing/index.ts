export * from './real-clock.ts';
export * from './recording-handler.ts';
export * from './scripted-source.ts';
