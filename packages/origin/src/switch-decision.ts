// When a backup is to take over: a pure function of what is seen of the primary.
import type { StreamState } from '@headwater/cluster';

/**
 * `silent`: its publisher sent nothing for a while. `interrupted`: its publisher is away. `unreachable`: its owner breaks
 * off and does not answer. `orphaned`: the registry holds its owner for dead. `ended`: its owner has ended it without its
 * publisher having said so.
 */
export type SwitchCause = 'silent' | 'interrupted' | 'unreachable' | 'orphaned' | 'ended';

/** What is seen of a primary. */
export interface PrimarySight {
  /** By the registry. */
  readonly recorded: StreamState;
  /** By its owner; undefined while that is not heard. */
  readonly pulled: 'live' | 'interrupted' | undefined;
  /** When its newest frame came in; undefined when none of this epoch has. */
  readonly lastFrameMs: number | undefined;
  /** True when the owner did not answer after it was heard no more. */
  readonly hasProbeFailed: boolean;
}

/** Why to take over at that moment; undefined while the primary is as it should be. Silence counts from `watchedSinceMs`. */
export function switchCause(
  sight: PrimarySight,
  now: { readonly nowMs: number; readonly watchedSinceMs: number; readonly silentAfterMs: number },
): SwitchCause | undefined {
  const { recorded, pulled, lastFrameMs, hasProbeFailed } = sight;
  if (recorded === 'ended') return 'ended';
  if (recorded === 'interrupted' || pulled === 'interrupted') return 'interrupted';
  const silentMs = now.nowMs - Math.max(lastFrameMs ?? 0, now.watchedSinceMs);
  const isSilent = silentMs >= now.silentAfterMs;
  // Its owner may be cut off from the registry alone: while it delivers, it is no orphan.
  if (recorded === 'orphaned' && (lastFrameMs === undefined || isSilent || pulled === undefined)) {
    return 'orphaned';
  }
  // One that was never heard may be cut off from this node alone.
  if (lastFrameMs === undefined) return undefined;
  if (pulled === undefined && hasProbeFailed) return 'unreachable';
  return isSilent ? 'silent' : undefined;
}
