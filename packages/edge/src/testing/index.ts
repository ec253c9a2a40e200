export * from './edge-rig.ts';
export * from './flv-port.ts';
export * from './upstream-rig.ts';
