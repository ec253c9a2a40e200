export * from './controller.ts';
export * from './prober.ts';
export type { LeadershipState } from './leadership-state.ts';
export type { DetectorLimits, EndedProbe, NodeHealth, ProbeOutcome } from './node-health.ts';
export type { Blindness } from './own-view.ts';
export { defaultFailoverPolicy, type FailoverPolicy } from './plan.ts';
