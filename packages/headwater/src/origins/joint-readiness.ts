// How several origins behind one port stand together: publishers should be sent there while any of them would take them, and
// what holds for some of them only is worth knowing.
import type { OriginState } from './origin-messages.ts';

/** An origin that serves. */
export interface ServingOrigin {
  readonly nodeId: string;
  readonly state: Pick<OriginState, 'reasons' | 'doubts'>;
}

/** 0 for an origin that would take publishers, 1 for one that would rather not. */
export function reluctanceOf({ reasons }: Pick<OriginState, 'reasons'>): number {
  return reasons.length === 0 ? 0 : 1;
}

/** Why publishers should be sent elsewhere; empty while any origin would take them. */
export function jointReasons(serving: readonly ServingOrigin[]): readonly string[] {
  if (serving.length === 0) return ['no origin serves'];
  if (serving.some(({ state }) => reluctanceOf(state) === 0)) return [];
  return [...new Set(serving.flatMap(({ state }) => state.reasons))];
}

/** What any of them cannot know, and which of `size` do not take their part while others do. */
export function jointDoubts(serving: readonly ServingOrigin[], size: number): readonly string[] {
  const doubts = new Set(serving.flatMap(({ state }) => state.doubts));
  const missing = size - serving.length;
  if (serving.length > 0 && missing > 0) doubts.add(`${missing} of ${size} origins do not serve`);
  if (jointReasons(serving).length === 0) {
    for (const { nodeId, state } of serving) {
      for (const reason of state.reasons) doubts.add(`${nodeId} takes no publishers: ${reason}`);
    }
  }
  return [...doubts];
}
