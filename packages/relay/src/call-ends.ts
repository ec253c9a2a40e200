// The two ends of a call of `Relay.Pull`, whatever lies between them: gRPC, or nothing in one process. What a pull says and
// how it ends is above, in `ServerPull` and `ClientPull`, the same for both.
import type { StatusObject } from '@grpc/grpc-js';
import type { PullRequest } from './generated/relay.ts';

/** A call as its server has it. */
export interface ServerCallEnd {
  /** Where the puller is: `host:port`, or a word for it. */
  readonly peer: string;
  /** Sends a message; `sent` is called when it is held back no more. */
  write(item: Buffer, sent: () => void): void;
  /** No more messages: the call ends well after those that were written. */
  end(): void;
  /** The call ends with this status after those that were written. */
  fail(status: StatusObject): void;
  /** Calls `run` when the puller has gone, or cannot be reached any more. */
  onCancelled(run: () => void): void;
  /** Calls `run` once when the call is over, however. */
  onClosed(run: () => void): void;
}

/** Hears what comes from the server, in order. Never called before the call that made it has returned. */
export interface ClientCallListener {
  item(bytes: Buffer): void;
  /** The call has failed, by the server's word or without, or because it was cancelled. */
  failed(status: Partial<StatusObject>): void;
  /** Nothing more comes. Also after `failed`, over a connection. */
  ended(): void;
}

/** A call as its client has it. */
export interface ClientCallEnd {
  /** Nothing more is wanted. */
  cancel(): void;
}

/** Makes a call. */
export type DialCall = (request: PullRequest, listener: ClientCallListener) => ClientCallEnd;
