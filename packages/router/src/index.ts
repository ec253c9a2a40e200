export * from './edge-choice.ts';
export * from './edge-url.ts';
export * from './explanation.ts';
export type { ChoiceRules } from './pool-choice.ts';
export type { RoutedEdge } from './routed-edge.ts';
export type { Nearness } from './tiers.ts';
export * from './viewer-place.ts';
