import type { Clock, CloseReason, Logger } from '@headwater/contracts';
import type { ClientInfo, ReconnectOptions, RtmpServerDelegate } from './server-delegate.ts';
import type { RtmpServerLimits } from './server-session-limits.ts';
import type { SessionOutput } from './session-output.ts';

/** What the connected half of a server session needs of the session around it. */
export interface StreamHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: RtmpServerLimits;
  readonly delegate: RtmpServerDelegate;
  readonly output: SessionOutput;
  readonly client: ClientInfo;
  /** Query parameters of the connection. */
  readonly params: ReadonlyMap<string, string>;
  /** Runs `action` and sends all that it said in one write; closes the session when it throws. */
  run(action: () => void): void;
  /** Ends every stream with the reason and the session with it. */
  finish(reason: CloseReason): void;
  /** False when the client did not announce that it understands. */
  requestReconnect(options?: ReconnectOptions): boolean;
  /** Counts a message that makes no sense; closes the session when there are too many in a row. */
  stray(what: string): void;
  /** A message stream began or stopped doing something. A client with nothing to do may stay for `idleMs`. */
  activityChanged(idleMs?: number): void;
}
