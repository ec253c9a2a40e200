import type { AppError, CloseReason } from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import type { ReconnectOptions } from './server-delegate.ts';
import type { RtmpStatus } from './status.ts';

/** What a client session tells its owner. */
export interface RtmpClientDelegate {
  /** The server accepted the publish or play. */
  started(): void;
  /** A message of the played stream. `timestampMs` is unwrapped; `payload` is owned by the receiver. */
  media?(kind: FrameKind, timestampMs: number, payload: Buffer): void;
  /** Every status the server sends, before it has its effect. */
  status?(status: RtmpStatus): void;
  /** The server asks to come back on a new connection; this one goes on meanwhile. */
  reconnectRequested?(options: ReconnectOptions): void;
  /** The session is over: the owner closes the transport. Exactly once, and nothing after it. */
  closed(reason: CloseReason, error?: AppError): void;
}
