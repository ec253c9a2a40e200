/** How a connection without answers is found: a ping each `timeMs`, closed when unanswered for `timeoutMs`. */
export interface RelayKeepalive {
  readonly timeMs: number;
  readonly timeoutMs: number;
}

/** Defaults of both sides' keepalive. */
export const defaultRelayKeepalive: RelayKeepalive = { timeMs: 3_000, timeoutMs: 2_000 };
