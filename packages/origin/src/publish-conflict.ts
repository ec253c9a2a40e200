// Two publishers of one key never mix. This is the rule for who wins when both are on this node.

/** What is known of the publisher that is there. */
export interface CurrentPublisher {
  readonly credential: string | undefined;
  /** False while its connection is gone and the stream is held for its return. */
  readonly isConnected: boolean;
  /** Since it last sent anything. */
  readonly silentMs: number;
}

/** A publisher without credentials counts as gone after this: OBS comes back after 2 s, its old connection half open. */
export const silentAfterMs = 2_000;

/** True when a newcomer with that credential replaces the current publisher at once. */
export function mayReplace(current: CurrentPublisher, credential: string | undefined): boolean {
  // Whoever published with a credential is replaced by the same party alone.
  if (current.credential !== undefined) return current.credential === credential;
  return !current.isConnected || current.silentMs >= silentAfterMs;
}
