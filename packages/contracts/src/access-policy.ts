import type { ErrorCode } from './errors.ts';
import type { StreamKey } from './stream-key.ts';

/** The protocol a session speaks. */
export type SessionProtocol = 'rtmp' | 'rtmps' | 'rtsp' | 'http-flv' | 'ws-flv';

/** Who wants to do what. `params` are the merged query parameters of app and stream name. */
export interface AccessRequest {
  readonly action: 'publish' | 'play';
  readonly stream: StreamKey;
  readonly protocol: SessionProtocol;
  readonly remoteAddress: string;
  readonly params: ReadonlyMap<string, string>;
}

/**
 * The answer. `credential` identifies the publisher for a takeover: two publishers with equal credentials are the same
 * party, and the later replaces the earlier at once. It is a digest, never the secret itself.
 */
export type AccessDecision =
  | { readonly allowed: true; readonly credential?: string }
  | { readonly allowed: false; readonly code: ErrorCode; readonly description: string };

/** Decides on every publish and play before anything is answered. Rejecting (throwing) counts as a refusal. */
export interface AccessPolicy {
  decide(request: AccessRequest): Promise<AccessDecision>;
}
