import type { Config } from '@headwater/contracts';
import type { BacklogLimits, FlushPlan, FrameRingLimits } from '@headwater/media';

/** The flush plan that the configuration describes. */
export function flushPlanOf({ fanOut }: Pick<Config, 'fanOut'>): FlushPlan {
  const immediate = { viewers: 0, windowMs: 0 };
  const { immediateBelowViewers, lowLatencyMergeMs, mergeMs, manyViewers, manyMergeMs } = fanOut;
  return {
    low: [immediate, { viewers: immediateBelowViewers, windowMs: lowLatencyMergeMs }],
    normal: [
      immediate,
      { viewers: immediateBelowViewers, windowMs: mergeMs },
      { viewers: manyViewers, windowMs: manyMergeMs },
    ],
  };
}

/** How far a viewer may lie behind. */
export function backlogOf({ viewer }: Pick<Config, 'viewer'>): BacklogLimits {
  return {
    softBytes: viewer.softBacklogBytes,
    softMs: viewer.softDelayMs,
    hardBytes: viewer.hardBacklogBytes,
    hardMs: viewer.hardDelayMs,
  };
}

/** What a stream keeps of its recent past. */
export function ringOf({ gopCache }: Pick<Config, 'gopCache'>): FrameRingLimits {
  return { maxFrames: gopCache.maxFrames, maxBytes: gopCache.maxBytes, maxMs: gopCache.maxDurationMs };
}
