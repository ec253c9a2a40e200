import type { AppError, CloseReason } from '@headwater/contracts';
import type { Frame } from '@headwater/media';
import type { OpenedInfo, PulledState } from './pull.ts';

/**
 * Hears what a pull brings: `opened` first, then frames and states in order, and one of `ended` and `failed` last.
 * Nothing is called after that, nor after `Pull.close`, nor before `RelayClient.pull` has returned.
 */
export interface PullHandler {
  opened(info: OpenedInfo): void;
  /** A run of frames in order. Payloads share the memory of one message; headers and metadata own theirs. */
  frames(frames: readonly Frame[]): void;
  state(state: PulledState): void;
  /** The stream is over, as its owner says. */
  ended(reason: CloseReason): void;
  /** The pull did not open or broke off. `error.entry.retryable` says whether to try again. */
  failed(error: AppError): void;
}

/** A running pull. Closing twice does nothing. */
export interface Pull {
  close(): void;
}
