import type { AppError, CloseReason } from '@headwater/contracts';
import type { Sink } from '@headwater/media';
import type { OpenedInfo, PulledState, PullRequest } from './pull.ts';

/**
 * A pull as its server sees it. First comes exactly one of `opened` and `refuse`, within the server's opening deadline;
 * after that the sink takes what `relayFormat` encoded, until `ended` or `refuse`. Every call after the end does nothing.
 */
export interface PullCall {
  readonly request: PullRequest;
  /** The puller's address, `host:port`; a word for it when it is in this process. */
  readonly peer: string;
  /** True once the call is over, from whichever side. */
  readonly isClosed: boolean;
  /**
   * Takes buffers made by `relayFormat`. `pendingBytes` is what HTTP/2 flow control holds back, or a puller in this process
   * has not heard yet, in bytes: write no more while it is above 0, and a slow puller costs no memory. A call that exceeds
   * the server's limit is ended. A puller in this process keeps parts of the buffers: they must not be changed any more.
   */
  readonly sink: Sink;
  opened(info: OpenedInfo): void;
  state(state: PulledState): void;
  /** The stream is over: says so after all that was written, and closes the call. */
  ended(reason: CloseReason): void;
  /** Closes the call with the error's gRPC status; the puller gets the same `AppError`. Also fits after `opened`. */
  refuse(error: AppError): void;
  /** Calls `run` once when the call is over; at once when it is already. */
  onClosed(run: () => void): void;
}

/** Where the streams are: the origin implements it. */
export interface RelaySource {
  /** Takes a new pull over. Must not throw, and may answer later. */
  open(call: PullCall): void;
}
